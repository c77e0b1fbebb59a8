"""What should be: the directory at one commit, rendered, completed and put in order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from gitops import kinds, naming, renderers, repositories, secrets
from gitops.backends.base import AWS_API
from gitops.models import Application
from gitops.renderers import AccountFacts, ClusterFacts, RenderContext, Rendered
from idp.changes.models import Change
from idp.common.errors import Clash, Refusal
from rbac.actors import Actor, system

LOGICAL = "slipway.dev/logical-name"
PREFIX = "slipway.dev/output-prefix"
MANAGED_BY = {"app.kubernetes.io/managed-by": "slipway"}
_PULL = "${cluster:pull-secrets}"


@dataclass(frozen=True)
class Desired:
    """`rendered` is None and `documents` empty where the directory is to go."""

    commit: str
    tree: str
    base: str
    rendered: Rendered | None
    documents: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def deletes(self) -> bool:
        return self.rendered is None


def application_of(change: Change) -> Application:
    """The application that a change is about, with what rendering reads."""
    rows = Application.objects.select_related(
        "scope__tier_scope", "scope__project_scope", "repository__project__team", "cluster"
    ).select_related("account")
    return rows.get(pk=change.intent["application"])


def context_of(application: Application) -> RenderContext:
    """Where an application's documents are for."""
    cluster, account, scope = application.cluster, application.account, application.scope
    project = application.repository.project
    return RenderContext(
        project=project.name,
        environment=scope.name,
        tier=scope.tier_scope.name if scope.tier_scope else "",
        namespace=application.namespace,
        team=project.team.name,
        cluster=ClusterFacts(
            name=cluster.name,
            domain=cluster.domain,
            ingress_class=cluster.ingress_class,
            ingress_namespace=cluster.ingress_namespace,
            tls_issuer=cluster.tls_issuer,
            pull_secrets=(naming.PULL_SECRET,) if cluster.pull_secrets else (),
            oidc_provider_arn=cluster.oidc_provider_arn,
            oidc_issuer=cluster.oidc_issuer,
            simulated=cluster.simulated,
        ),
        account=AccountFacts(account.name, account.region, account.simulated) if account else None,
        has_secret=lambda name, version: secrets.exists(scope, name, version),
    )


def _author(change: Change) -> Actor:
    return Actor(change.actor, change.token) if change.actor else system("change")


def proposed_commit(change: Change, application: Application) -> str:
    """The commit that carries the change's files, made where it is missing.

    Raises `Refusal` where somebody else's change of the directory reached `main` first.
    """
    repo, intent = application.repository, change.intent
    found = repositories.proposal(repo, change.pk)
    main = repositories.head(repo)
    if found and repositories.local(repo).contains(main, found):
        return found
    if repositories.tree_id(repo, main, application.directory) != intent["base_tree"]:
        last = next(iter(repositories.history(repo, application.directory, limit=1)), None)
        by = f" by {last.author} (“{last.subject}”)" if last else ""
        raise Refusal(
            f"{application.directory} was changed{by} since this was asked for.",
            fix="Look at it as it is now, and ask again.",
        )
    if found:
        return found
    files = intent["files"]
    return repositories.propose(
        repo,
        change.pk,
        application.directory,
        None if files is None else {p: None if t is None else t.encode() for p, t in files.items()},
        main,
        _author(change),
        f"{change.title}\n\n{change.message}".strip(),
    )


def desire(application: Application, change: Change, commit: str = "") -> Desired:
    """What the change wants: at `commit` where the plan fixed it, else at its own.

    Raises `Invalid` and `Refusal` in people's words for a directory that cannot be rendered.
    """
    repo, directory = application.repository, application.directory
    notes: tuple[str, ...] = ()
    if not commit:
        commit, notes = _own_commit(application, change)
    base = str(change.intent.get("base_tree") or application.synced_tree)
    tree = repositories.tree_id(repo, commit, directory)
    if not tree:
        if not change.intent.get("delete"):
            raise Refusal(
                f"{directory} holds nothing at {commit[:12]}; an empty source removes nothing.",
                fix="To remove the environment, delete it.",
            )
        return Desired(commit, "", base, None, (), notes)
    if change.intent.get("delete"):
        raise Clash(f"{directory} is there again on main; it was to be deleted.")
    files = repositories.read_directory(repo, commit, directory)
    context = context_of(application)
    rendered = renderers.render(files, context)
    documents = complete(rendered, context, application)
    return Desired(commit, tree, base, rendered, documents, notes)


def _own_commit(application: Application, change: Change) -> tuple[str, tuple[str, ...]]:
    """The change's proposal or pushed commit, with notes: what is later on `main` is not its.

    A commit that was overtaken, because its change waited, is not brought back over newer ones.
    """
    if "files" in change.intent:
        return proposed_commit(change, application), ()
    repo = application.repository
    pushed, synced = str(change.intent.get("commit") or ""), application.synced_commit
    if not pushed:
        return repositories.head(repo), ()
    if synced and synced != pushed and repositories.local(repo).contains(synced, pushed):
        return synced, ("A newer commit stands there already; this one came with it.",)
    return pushed, ()


def complete(
    rendered: Rendered, context: RenderContext, application: Application
) -> tuple[dict[str, Any], ...]:
    """The documents held to the rules, with outputs and pull secrets added, in order of making."""
    kinds.check_documents(rendered.documents, context.namespace)
    if not rendered.documents:
        raise Refusal(
            f"{application.directory} renders to nothing; an empty source removes nothing.",
            fix="To remove the environment, delete it.",
        )
    documents = [_placed(document, context.namespace) for document in rendered.documents]
    if any(d["apiVersion"] == AWS_API for d in documents) and context.account is None:
        raise Refusal(
            f"{application.directory} declares cloud resources, but it has no cloud account.",
            fix="Name an account under spec.account.",
        )
    outputs = outputs_of(documents)
    if outputs:
        documents.append(_secret(naming.OUTPUTS_SECRET, context.namespace, outputs))
    if context.cluster.pull_secrets:
        pull = _secret(naming.PULL_SECRET, context.namespace, {".dockerconfigjson": _PULL})
        documents.append({**pull, "type": "kubernetes.io/dockerconfigjson"})
    documents.sort(
        key=lambda d: (kinds.rank(d["apiVersion"], d["kind"]), d["kind"], d["metadata"]["name"])
    )
    return tuple(documents)


def _placed(document: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    placed = deepcopy(dict(document))
    metadata = placed["metadata"]
    if placed["apiVersion"] != AWS_API:
        metadata["labels"] = {**(metadata.get("labels") or {}), **MANAGED_BY}
        if placed["kind"] != "Namespace":
            metadata["namespace"] = namespace
    return placed


def _secret(name: str, namespace: str, values: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED_BY)},
        "stringData": dict(values),
    }


def outputs_of(documents: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The variables that carry AWS outputs, each with the reference that stands for its value."""
    found = {}
    for document in documents:
        prefix = (document["metadata"].get("annotations") or {}).get(PREFIX)
        if document["apiVersion"] == AWS_API and prefix:
            kind, name = document["kind"], document["metadata"]["name"]
            for key in kinds.OUTPUTS.get(kind, ()):
                found[f"{prefix}_{key}"] = naming.output_reference(kind, name, key)
    return found


# -- filling in -------------------------------------------------------------------------------


@dataclass
class Filler:
    """Puts known outputs and secret values into documents, in memory only."""

    application: Application
    outputs: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def learn(self, kind: str, name: str, outputs: Mapping[str, str]) -> None:
        for key, value in outputs.items():
            self.outputs[kind, name, key] = value

    def fill(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document with every known reference replaced; unknown outputs stay visible."""
        filled: dict[str, Any] = self.leaves(dict(document))
        if document["kind"] == "Secret":
            filled["stringData"] = {
                key: self._value(text) for key, text in filled.get("stringData", {}).items()
            }
        elif document["kind"] == "SecretValue" and document["apiVersion"] == AWS_API:
            value = secrets.resolve(self.application.scope, filled["spec"]["ref"])
            filled["spec"] = {**filled["spec"], "value": value}
        return filled

    def leaves(self, value: Any) -> Any:
        """The value with known outputs filled in, and no secret."""
        if isinstance(value, str):
            return naming.replace_outputs(value, self.outputs) if "${" in value else value
        if isinstance(value, Mapping):
            return {key: self.leaves(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return [self.leaves(child) for child in value]
        return value

    def _value(self, text: str) -> str:
        reference = naming.secret_in(text)
        if reference:
            return secrets.resolve(self.application.scope, reference)
        return _docker_config(self.application) if text == _PULL else text


def _docker_config(application: Application) -> str:
    auths = {
        registry: {
            "auth": base64.b64encode(
                f"{entry.get('username', '')}:{entry.get('password', '')}".encode()
            ).decode()
        }
        for registry, entry in application.cluster.pull_secrets.items()
    }
    return json.dumps({"auths": auths}, sort_keys=True)


def unfilled(value: Any) -> bool:
    """Whether an output that is not known yet stands anywhere in a value."""
    if isinstance(value, str):
        return "${" in value and bool(naming.output_references(value))
    if isinstance(value, Mapping):
        return any(unfilled(child) for child in value.values())
    return isinstance(value, list | tuple) and any(unfilled(child) for child in value)


def references(documents: tuple[dict[str, Any], ...]) -> set[str]:
    """Every `name@version` that the documents refer to."""
    found = set()
    for document in documents:
        if document["kind"] == "Secret":
            found |= {naming.secret_in(v) for v in document.get("stringData", {}).values()}
        elif document["kind"] == "SecretValue":
            found.add(str(document["spec"].get("ref", "")))
    return found - {""}
