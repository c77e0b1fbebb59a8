"""What each workload's process would find in its environment, read from the rendered documents.

Only for workloads that declare a `configSchema`; the plan's facts carry it to the gate. Values of
secrets and outputs stay out of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from environments.rendering import workloads
from environments.rendering.document import EnvironmentDocument
from gitops import naming
from gitops.sync.desired import outputs_of
from schemas.variables.settings import Settings, Source, Value, declared_version, inline_text

Document = Mapping[str, Any]
_LABEL = "app.kubernetes.io/name"
_PODS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"})
_HOLDERS = (("configMapRef", "ConfigMap"), ("secretRef", "Secret"))
_KEYS = (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret"))


def check(entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise `Invalid` for a declared schema that is not there or cannot be used."""
    for name, entry in entries.items():
        if declared := entry.get("configSchema"):
            at = f"spec.workloads.{name}.configSchema"
            if "subject" in declared:
                declared_version(declared["subject"], declared["version"], at)
            else:
                inline_text(declared["schema"], f"{at}.schema")


def of_documents(
    entries: Mapping[str, Mapping[str, Any]],
    document: EnvironmentDocument,
    documents: Sequence[Document],
) -> list[Settings]:
    """The settings of every workload that declares a schema; what was `check`ed before."""
    found = []
    objects = {(one["kind"], one["metadata"]["name"]): one for one in documents}
    outputs = outputs_of(documents)
    for name, entry in entries.items():
        if declared := entry.get("configSchema"):
            reader = _Reader(name, entry, objects, outputs, document.blueprint)
            reader.read(_container(name, documents) or _plain(name, entry, document))
            found.append(_settings(name, declared, reader, stopped=document.stopped))
    return found


def _settings(
    name: str, declared: Mapping[str, Any], reader: _Reader, *, stopped: bool
) -> Settings:
    named = "subject" in declared
    return Settings(
        workload=name,
        subject=declared["subject"] if named else "",
        version=declared["version"] if named else 0,
        schema="" if named else inline_text(declared["schema"], "configSchema.schema"),
        values=tuple(reader.values[key] for key in sorted(reader.values)),
        unseen=tuple(dict.fromkeys(reader.unseen)),
        stopped=stopped,
    )


def _plain(name: str, entry: Mapping[str, Any], document: EnvironmentDocument) -> Mapping[str, Any]:
    """A blueprint whose pods carry no label of the workload: what it is given, at least."""
    return {"envFrom": workloads.env_from(name, entry, outputs=bool(document.resources))}


def _container(name: str, documents: Iterable[Document]) -> Mapping[str, Any] | None:
    """The container of a workload: the one of its name, else its pod's first."""
    for document in documents:
        if document["kind"] not in _PODS:
            continue
        spec = _map(document.get("spec"))
        if document["kind"] == "CronJob":
            spec = _map(_map(spec.get("jobTemplate")).get("spec"))
        template = _map(spec.get("template"))
        if _map(_map(template.get("metadata")).get("labels")).get(_LABEL) != name:
            continue
        containers = list(_maps(_map(template.get("spec")).get("containers")))
        named = [one for one in containers if one.get("name") == name]
        if named or containers:
            return (named or containers)[0]
    return None


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _maps(value: Any) -> Iterator[Mapping[str, Any]]:
    found = value if isinstance(value, list) else []
    yield from (one for one in found if isinstance(one, Mapping))


class _Reader:
    """Gathers a container's variables as Kubernetes does: `envFrom` in order, then `env`."""

    def __init__(
        self,
        workload: str,
        entry: Mapping[str, Any],
        objects: Mapping[tuple[str, str], Document],
        outputs: Mapping[str, str],
        blueprint: str,
    ) -> None:
        self.values: dict[str, Value] = {}
        self.unseen: list[str] = []
        self._workload, self._entry, self._objects = workload, entry, objects
        self._outputs, self._blueprint = outputs, f"blueprint {blueprint}"

    def read(self, container: Mapping[str, Any]) -> None:
        for source in _maps(container.get("envFrom")):
            for key, kind in _HOLDERS:
                if isinstance(source.get(key), Mapping):
                    self._whole(kind, source[key], str(source.get("prefix") or ""))
        for each in _maps(container.get("env")):
            if isinstance(each.get("name"), str):
                self._one(each["name"], each)

    def _whole(self, kind: str, reference: Mapping[str, Any], prefix: str) -> None:
        name = str(reference.get("name", ""))
        if (kind, name) == ("Secret", naming.OUTPUTS_SECRET):
            for key in self._outputs:
                self._add(f"{prefix}{key}", Source.OUTPUT, None, "spec.resources")
            return
        held = self._objects.get((kind, name))
        if held is None:
            if not reference.get("optional"):
                self.unseen.append(f"{kind} {name}")
            return
        for key in _map(held.get("data" if kind == "ConfigMap" else "stringData")):
            self._keyed(f"{prefix}{key}", kind, name, key, held)

    def _keyed(self, variable: str, kind: str, name: str, key: str, held: Document) -> None:
        own = f"spec.workloads.{self._workload}"
        if kind == "Secret":
            self._add(variable, Source.SECRET, None, f"{own}.secrets.{key}")
            return
        text = _text(_map(held.get("data")).get(key))
        if name == f"{self._workload}-variables" and key in self._entry["variables"]:
            self._add(variable, Source.VARIABLE, text, f"{own}.variables.{key}")
        else:
            self._add(variable, Source.BLUEPRINT, text, f"ConfigMap {name}")

    def _one(self, name: str, each: Mapping[str, Any]) -> None:
        source = each.get("valueFrom")
        if not isinstance(source, Mapping):
            text = _text(each.get("value", ""))
            expands = text is not None and "$(" in text  # into other variables' values
            self._add(name, Source.BLUEPRINT, None if expands else text, self._blueprint)
            return
        for key, kind in _KEYS:
            reference = _map(source.get(key))
            held = self._objects.get((kind, str(reference.get("name", ""))))
            if held is not None:
                self._keyed(name, kind, held["metadata"]["name"], str(reference.get("key")), held)
                return
            if reference.get("optional"):
                return
        self._add(name, Source.BLUEPRINT, None, self._blueprint)

    def _add(self, name: str, source: Source, text: str | None, at: str) -> None:
        hidden = text is not None and "${" in text and naming.output_references(text)
        self.values[name] = Value(name, source.value, None if hidden else text, at)


def _text(value: Any) -> str | None:
    """A document's leaf as the container gets it; what is no text is judged by presence."""
    return value if isinstance(value, str) else None
