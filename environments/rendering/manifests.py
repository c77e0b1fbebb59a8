"""Raw `manifests/*.yaml` beside `environment.yaml`, and the rules that every document keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from environments.rendering.document import nearest
from gitops.backends.base import AWS_API
from idp.common import secretvalues, yaml
from idp.common.errors import FieldError, Invalid, Refusal

FOLDER = "manifests/"
MAX_FILES = 50

# What a person may write by hand: namespaced, without power over people, nodes or other spaces.
MANUAL_KINDS = frozenset(
    {
        ("v1", "ConfigMap"),
        ("v1", "Service"),
        ("v1", "PersistentVolumeClaim"),
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("batch/v1", "Job"),
        ("batch/v1", "CronJob"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("networking.k8s.io/v1", "Ingress"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
    }
)
BLUEPRINT_KINDS = MANUAL_KINDS | {("v1", "ServiceAccount")}
_HELD = ("finalizers", "ownerReferences")  # by which an object outlives its namespace's deletion
# What Kubernetes' Pod Security standard “baseline” forbids of them all.
_POWERS = frozenset({"privileged", "hostNetwork", "hostPID", "hostIPC", "hostPath"})
# Annotations by which ingress controllers and external-dns hear of more addresses, or of code.
_CLAIMS = ("server-alias", "-snippet", "external-dns.alpha.kubernetes.io/")


def read(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """The documents of `manifests/`, in the order of their files."""
    names = sorted(name for name in files if name.startswith(FOLDER))
    if len(names) > MAX_FILES:
        raise Invalid(f"{FOLDER} holds {len(names)} files; {MAX_FILES} are the most.")
    found = []
    for name in names:
        if not name.endswith((".yaml", ".yml")):
            raise Invalid(f"{name} is no YAML file.", fix=f"Keep only *.yaml files in {FOLDER}.")
        found += [_document(d, name) for d in yaml.load_all(files[name]) if d is not None]
    return found


def _document(document: Any, where: str) -> dict[str, Any]:
    header = document if isinstance(document, dict) else {}
    metadata = header.get("metadata")
    texts = (header.get("apiVersion"), header.get("kind"))
    if not all(isinstance(t, str) for t in texts) or not isinstance(metadata, dict):
        raise Invalid(f"{where} holds a document without apiVersion, kind and metadata.")
    if not isinstance(metadata.get("name"), str) or not metadata["name"]:
        raise Invalid(f"{where}: a {texts[1]} has no metadata.name.", fix="Give it a name.")
    for key in ("labels", "annotations"):
        if not _texts(metadata.get(key)):
            title = f"{texts[1]} “{metadata['name']}”"
            fix = "Quote numbers and true or false, as Kubernetes asks for."
            raise Invalid(f"{where}: {title}: metadata.{key} is no map of texts.", fix=fix)
    return header


def _texts(value: Any) -> bool:
    """Whether it is nothing, or a map from text to text."""
    if value is None:
        return True
    return isinstance(value, dict) and all(isinstance(t, str) for kv in value.items() for t in kv)


def check(
    documents: Iterable[Mapping[str, Any]],
    *,
    namespace: str,
    allowed: frozenset[tuple[str, str]],
    source: str,
) -> None:
    """Refuse kinds that may not be made there, other namespaces, and secrets in git."""
    for document in documents:
        kind, name = document["kind"], document["metadata"].get("name", "?")
        if kind == "Secret":
            raise _refusal(
                f"{source} holds Secret “{name}”: secret values never enter git.",
                "Set it with “set secret”, and refer to it as name@version under workloads.",
            )
        if (document["apiVersion"], kind) not in allowed:
            fix = nearest(kind, sorted({k for _, k in allowed}))
            raise _refusal(
                f"{source} holds {kind} “{name}” ({document['apiVersion']}), which a project may"
                " not make.",
                f"{fix} A platform engineer can put others into a blueprint.",
            )
        other = document["metadata"].get("namespace", namespace)
        if other != namespace:
            raise _refusal(
                f"{source} puts {kind} “{name}” into namespace “{other}”; this environment's"
                f" own is “{namespace}”.",
                "Leave metadata.namespace out.",
            )


def check_values(document: Mapping[str, Any]) -> None:
    """Refuse a hand-written document that holds what looks like a secret's value."""
    title = f"{document['kind']} “{document['metadata']['name']}”"
    for at, kind in secretvalues.found_in(document, title):
        where = at.replace(f"{title}.", f"{title}: ", 1)
        raise _refusal(
            f"{where} holds what looks like {kind}: secret values never enter git.",
            "Take it out, and set it with “set secret” as a variable of the workload.",
        )


def check_pods(document: Mapping[str, Any]) -> None:
    """Refuse a hand-written document whose pods would have power over their node."""
    title = f"{document['kind']} “{document['metadata']['name']}”"
    for at in _powers(document.get("spec"), "spec"):
        raise _refusal(
            f"{title} sets {at}, which the namespace's Pod Security standard “restricted” forbids.",
            "Leave it out: pods here have no power over their node.",
        )


def _powers(value: Any, at: str) -> Iterator[str]:
    """Where a tree sets what `_POWERS` names to anything but nothing and false."""
    if isinstance(value, Mapping):
        for key, child in value.items():
            if key in _POWERS and child not in (None, False):
                yield f"{at}.{key}"
            else:
                yield from _powers(child, f"{at}.{key}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _powers(child, f"{at}[{number}]")


def check_claims(documents: Iterable[Mapping[str, Any]], host: str) -> None:
    """Refuse hand-written documents that claim others' addresses, or that would never go away.

    An Ingress may serve `host` and what is below it, nothing else.
    """
    for document in documents:
        title = f"{document['kind']} “{document['metadata']['name']}”"
        for key in _held(document):
            raise _refusal(f"{title} sets metadata.{key}.", f"Leave metadata.{key} out.")
        for key in document["metadata"].get("annotations") or {}:
            if any(claim in str(key) for claim in _CLAIMS):
                raise _refusal(
                    f"{title} sets the annotation {key}, by which it could answer for others.",
                    "Leave the annotation out; the rules of an Ingress say all that it needs.",
                )
        spec = document.get("spec")
        spec = spec if isinstance(spec, Mapping) else {}
        if document["kind"] == "Service" and spec.get("externalIPs"):
            raise _refusal(f"{title} claims externalIPs.", "Leave spec.externalIPs out.")
        if document["kind"] == "Ingress":
            _check_hosts(title, spec, host)


def _held(value: Any) -> Iterator[str]:
    """The keys of `_HELD` in any metadata of a document, a pod template's included."""
    children: Iterable[Any] = ()
    if isinstance(value, Mapping):
        metadata = value.get("metadata")
        if isinstance(metadata, Mapping):
            yield from (key for key in _HELD if metadata.get(key))
        children = value.values()
    elif isinstance(value, list):
        children = value
    for child in children:
        yield from _held(child)


def _check_hosts(title: str, spec: Mapping[str, Any], host: str) -> None:
    fix = f"Use {host} or a name below it, like admin.{host}."
    if spec.get("defaultBackend") or spec.get("backend"):
        raise _refusal(f"{title} takes every address (spec.defaultBackend).", fix)
    hosts = [rule.get("host") for rule in _maps(spec.get("rules"))]
    for entry in _maps(spec.get("tls")):
        named = entry.get("hosts")
        hosts += named if isinstance(named, list) else []
    for name in hosts:
        if not name:
            raise _refusal(f"{title} has a rule for every address: it names no host.", fix)
        if str(name) != host and not str(name).endswith(f".{host}"):
            raise _refusal(f"{title} claims “{name}”, which is not this environment's.", fix)


def _maps(value: Any) -> list[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    return [each for each in found if isinstance(each, Mapping)]


def _refusal(message: str, fix: str) -> Refusal:
    return Refusal(message, fix=fix, errors=[FieldError("manifests", "allowed", message, fix)])


def unique(documents: Iterable[Mapping[str, Any]]) -> None:
    """Refuse two documents for one object."""
    seen = set()
    for document in documents:
        key = (document["apiVersion"], document["kind"], document["metadata"]["name"])
        if key in seen:
            raise Invalid(f"{key[1]} “{key[2]}” is described twice.", fix="Remove one of the two.")
        seen.add(key)


def finish(
    document: Mapping[str, Any], namespace: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    """The document in its namespace and with the labels that name project and environment."""
    metadata = {**document["metadata"]}
    metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    if document["kind"] != "Namespace" and document["apiVersion"] != AWS_API:
        metadata["namespace"] = namespace
    return {**document, "metadata": metadata}
