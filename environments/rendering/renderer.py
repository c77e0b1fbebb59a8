"""The renderer of `environment.yaml`, registered with gitops: a directory in, documents out.

Planning, syncing and `pre-receive` call it with the same input, so their judgement is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from environments.models import BlueprintVersion
from environments.rendering import (
    manifests,
    parameters,
    resources,
    schemaset,
    settings,
    workloads,
)
from environments.rendering.document import (
    FILENAME,
    EnvironmentDocument,
    check_values,
    field_error,
    nearest,
    parse,
    written,
)
from environments.rendering.template import Template, compile_template
from environments.rendering.totals import (
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    DEFAULT_MEMORY_LIMIT,
    Totals,
    surge,
    totals,
)
from gitops import naming
from gitops.renderers import RenderContext, Rendered
from idp.changes.plans import digest
from idp.common import quantities
from idp.common.errors import Refusal
from rbac.models import Tier
from schemas.databases import readers
from schemas.databases.readers import Read
from schemas.dependants.sets import FACT, SchemaSet
from schemas.variables.settings import FACT as CONFIG_FACT
from schemas.variables.settings import to_facts

SERVICE_ACCOUNT = "workload"
_NAMESPACE = Path(__file__).with_name("namespace.yaml")
_HEADROOM = Decimal("1.25")  # of the quota over what the workloads ask for at most
# Roles whose people may, in the cluster itself, end pods and forward ports; all others read.
_OPERATORS = ("developer", "deployer", "maintainer")
_VIEWERS = ("viewer", "qa", "auditor", *_OPERATORS)


@lru_cache(maxsize=64)
def compiled(text: str) -> Template:
    """The template of a text that was checked when it was saved."""
    return compile_template(text)


@lru_cache(maxsize=1)
def _namespace_template() -> Template:
    return compile_template(_NAMESPACE.read_text())


def find_version(name: str, version: str) -> BlueprintVersion:
    """The published version; `Invalid` names the nearest, or the newest, that there is."""
    rows = BlueprintVersion.objects.select_related("blueprint").exclude(published_at=None)
    found = rows.filter(blueprint__name=name, version=version).first()
    if found:
        return found
    versions = list(rows.filter(blueprint__name=name).values_list("version", flat=True))
    if versions:
        message = f"Blueprint {name} has no version {version}."
        raise field_error("spec.blueprint", "exists", message, nearest(version, versions))
    names = list(rows.values_list("blueprint__name", flat=True).distinct())
    message = f"There is no blueprint “{name}”."
    raise field_error("spec.blueprint", "exists", message, nearest(name, names))


@dataclass(frozen=True)
class Judged:
    """A document that holds against its blueprint, with the defaults filled in."""

    document: EnvironmentDocument
    version: BlueprintVersion
    template: Template
    parameters: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]]
    schemas: SchemaSet
    reads: tuple[Read, ...] = ()


class EnvironmentRenderer:
    """See `gitops.renderers.Renderer`."""

    def render(self, files: Mapping[str, bytes], context: RenderContext) -> Rendered:
        """The documents of an environment; raises `Invalid` or `Refusal` in people's words."""
        document = parse(files[FILENAME])
        _check_files(files)
        _check_place(document, context)
        check_values(document)
        judged = judge(document, context)
        facts = _facts(judged, context)
        made, address = judged.template.render(facts)
        manifests.check(
            made,
            namespace=context.namespace,
            allowed=manifests.BLUEPRINT_KINDS,
            source=f"Blueprint {judged.version}",
        )
        raw = manifests.read(files)
        manifests.check(
            raw,
            namespace=context.namespace,
            allowed=manifests.MANUAL_KINDS,
            source=manifests.FOLDER.rstrip("/"),
        )
        for each in raw:
            manifests.check_values(each)
            manifests.check_pods(each)
        manifests.check_claims(raw, facts["environment"]["host"])
        running = [*made, *raw]
        total = totals(running)
        documents = [
            *_namespace(facts, total, surge(running)),
            *workloads.settings_documents(judged.entries, context),
            *running,
        ]
        labels = facts["environment"]["labels"]
        cloud = resources.documents(document.resources, _place(document, context))
        documents = [manifests.finish(d, context.namespace, labels) for d in documents] + cloud
        manifests.unique(documents)
        configured = settings.of_documents(judged.entries, document, documents)
        return Rendered(
            documents=tuple(documents),
            title=f"{context.project}/{document.name}",
            address=address,
            notes=_notes(document, context),
            facts={**_plan_facts(judged, total), CONFIG_FACT: to_facts(configured)},
            digest=digest([judged.version.digest, _NAMESPACE.read_text()]),
        )


def judge(document: EnvironmentDocument, context: RenderContext) -> Judged:
    """What a document comes to under its blueprint; raises `Invalid` with the field."""
    version = find_version(document.blueprint, document.version)
    template = compiled(version.template)
    values = parameters.validated(document.parameters, version.schema)
    resources.check(
        document.resources,
        template.resource_kinds,
        template.max_resources,
        document.blueprint,
        context.has_secret,
    )
    if document.resources and context.account is None:
        raise field_error(
            "spec.account",
            "required",
            "Resources need a cloud account.",
            "Name one under spec.account, or remove the resources.",
        )
    early = {
        "parameters": values,
        "environment": _environment(document, context),
        "cluster": _cluster(context),
        "account": _account(context),
    }
    entries = workloads.merged(template, early, document)
    settings.check(entries)
    schemas = schemaset.judged(document, entries)
    reads = schemaset.reads(document, entries)
    return Judged(document, version, template, values, entries, schemas, reads)


def _check_files(files: Mapping[str, bytes]) -> None:
    for name in files:
        if name != FILENAME and not name.startswith(manifests.FOLDER) and name != "README.md":
            raise Refusal(
                f"“{name}” is no file of an environment.",
                fix=f"Keep {FILENAME}, README.md and {manifests.FOLDER}*.yaml.",
            )


def _check_place(document: EnvironmentDocument, context: RenderContext) -> None:
    """What is decided once and for all cannot be edited."""
    account = context.account.name if context.account else ""
    fixed = [
        ("metadata.name", document.name, context.environment, "directory"),
        ("spec.tier", document.tier, context.tier, "tier"),
        ("spec.cluster", document.cluster, context.cluster.name, "cluster"),
        ("spec.account", document.account, account, "cloud account"),
    ]
    for at, wanted, actual, what in fixed:
        if wanted != actual:
            raise field_error(
                at,
                "unchanged",
                f"“{wanted}” differs from this environment's {what}, which is “{actual}”.",
                f"Write {actual}, or make a new environment in a directory of its own."
                if actual
                else "Remove it, or make a new environment in a directory of its own.",
            )


def _environment(document: EnvironmentDocument, context: RenderContext) -> dict[str, Any]:
    team = {"slipway.dev/team": context.team} if context.team else {}
    operators = _OPERATORS if document.tier != Tier.PRODUCTION else ("maintainer",)
    return {
        "name": document.name,
        "project": context.project,
        "tier": document.tier,
        "namespace": context.namespace,
        "host": f"{document.name}.{context.project}.{context.cluster.domain}",
        "stopped": document.stopped,
        "labels": {
            "app.kubernetes.io/managed-by": "slipway",
            "slipway.dev/project": context.project,
            "slipway.dev/environment": document.name,
            **team,
        },
        "roleArn": _role_reference(document, context),
        "viewerGroups": [f"slipway:{context.project}:{role}" for role in _VIEWERS],
        "operatorGroups": [f"slipway:{context.project}:{role}" for role in operators],
    }


def _role_reference(document: EnvironmentDocument, context: RenderContext) -> str | None:
    if not document.resources or not context.cluster.oidc_provider_arn:
        return None
    name = resources.aws_name(context.namespace, resources.ROLE)
    return naming.output_reference("Role", name, "ARN")


def _cluster(context: RenderContext) -> dict[str, Any]:
    cluster = context.cluster
    return {
        "name": cluster.name,
        "domain": cluster.domain,
        "ingressClass": cluster.ingress_class,
        "ingressNamespace": cluster.ingress_namespace,
        "tls": bool(cluster.tls_issuer),
        "tlsIssuer": cluster.tls_issuer,
        "scheme": "https" if cluster.tls_issuer else "http",
        "pullSecrets": [{"name": name} for name in cluster.pull_secrets],
    }


def _account(context: RenderContext) -> dict[str, Any]:
    account = context.account
    return {"present": account is not None, "region": account.region if account else ""}


def _facts(judged: Judged, context: RenderContext) -> dict[str, Any]:
    document = judged.document
    return {
        "parameters": judged.parameters,
        "environment": _environment(document, context),
        "cluster": _cluster(context),
        "account": _account(context),
        "workloads": workloads.facts(judged.entries, document, outputs=bool(document.resources)),
        "resources": {
            name: {"kind": spec["kind"], "prefix": resources.prefix_of(name, spec["kind"])}
            for name, spec in document.resources.items()
        },
    }


def _namespace(facts: Mapping[str, Any], total: Totals, extra: Totals) -> list[dict[str, Any]]:
    """The guarded namespace, its quota with room for a rolling update and a quarter more."""
    room = total + extra
    mebi = 1024 * 1024
    figures = {
        "cpu": quantities.cpu_text((room.cpu * _HEADROOM).quantize(Decimal("0.01"))),
        "memory": f"{int(room.memory * _HEADROOM) // mebi + 1}Mi",
        "memoryLimit": f"{int(room.memory_limit * _HEADROOM) // mebi + 1}Mi",
        "pods": str(room.pods + 10),
        "defaultCpu": DEFAULT_CPU,
        "defaultMemory": DEFAULT_MEMORY,
        "defaultMemoryLimit": DEFAULT_MEMORY_LIMIT,
    }
    return _namespace_template().render({**facts, "parameters": figures})[0]


def _place(document: EnvironmentDocument, context: RenderContext) -> resources.Place:
    labels = {"project": context.project, "environment": context.environment}
    return resources.Place(
        namespace=context.namespace,
        region=context.account.region if context.account else "",
        labels={**labels, **({"owner": context.team} if context.team else {})},
        expires=written(document.expires_at) if document.expires_at else "",
        oidc_provider_arn=context.cluster.oidc_provider_arn,
        oidc_issuer=context.cluster.oidc_issuer,
        service_account=SERVICE_ACCOUNT,
    )


def _notes(document: EnvironmentDocument, context: RenderContext) -> tuple[str, ...]:
    found = []
    if context.cluster.simulated:
        found.append(f"Cluster {context.cluster.name} is simulated: nothing really runs.")
    if context.account and context.account.simulated and document.resources:
        found.append(f"Account {context.account.name} is simulated: nothing is made at AWS.")
    if document.resources and not context.cluster.oidc_provider_arn:
        found.append(
            f"Cluster {context.cluster.name} names no OIDC provider, so workloads get no role of"
            " their own and cannot reach the resources. A platform engineer can set it."
        )
    if document.expires_at:
        found.append(f"It expires at {written(document.expires_at)} and is then deleted.")
    return tuple(found)


def _plan_facts(judged: Judged, total: Totals) -> dict[str, Any]:
    """What gates and listeners read: amounts, and what `environment.yaml` says of the rows."""
    document = judged.document
    return {
        "environment": document.name,
        "tier": document.tier,
        "cpu": float(total.cpu),
        "memory": total.memory,
        "pods": total.pods,
        "expires_at": written(document.expires_at) if document.expires_at else "",
        "stopped": document.stopped,
        "blueprint": str(judged.version),
        "blueprint_version": judged.version.pk,
        "parameters": dict(judged.document.parameters),
        "workloads": {name: dict(entry) for name, entry in judged.entries.items()},
        "resources": {name: dict(spec) for name, spec in document.resources.items()},
        FACT: judged.schemas.to_json(),
        readers.FACT: readers.to_fact(judged.reads),
    }
