"""New environments: asked for in a form or by REST, or pushed as a directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from environments import limits
from environments.models import BlueprintVersion, Environment
from environments.rendering import document as documents
from environments.rendering import schemaset
from environments.rendering.document import (
    FILENAME,
    check_name,
    check_values,
    field_error,
    parse,
    written,
)
from environments.rendering.renderer import Judged, judge
from gitops import naming, repositories
from gitops.models import Application, CloudAccount, Cluster
from gitops.renderers import AccountFacts, ClusterFacts, RenderContext
from gitops.services import propose_directory
from idp.changes.models import Change
from idp.changes.services import key_used, made_before
from idp.common import yaml
from idp.common.errors import Clash, FieldError, Invalid, Refusal
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project, Scope, Tier
from rbac.scopes import environment_scope, tier_scope

FOLDER = "environments"
CREATE = "environment.create"


@dataclass(frozen=True)
class Draft:
    """What somebody asks for, before anything was judged."""

    project: Project
    name: str
    tier: str
    cluster: Cluster
    blueprint: str  # name@version
    account: CloudAccount | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    workloads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    expires_at: datetime | None = None
    schemas: Mapping[str, Any] = field(default_factory=dict)

    @property
    def directory(self) -> str:
        return f"{FOLDER}/{self.name}"

    def text(self) -> str:
        """The `environment.yaml` of the draft."""
        spec: dict[str, Any] = {"tier": self.tier, "cluster": self.cluster.name}
        if self.account:
            spec["account"] = self.account.name
        spec["blueprint"] = self.blueprint
        if self.expires_at:
            spec["expiresAt"] = written(self.expires_at)
        spec["parameters"] = dict(self.parameters)
        if self.workloads:
            spec["workloads"] = {k: dict(v) for k, v in self.workloads.items()}
        if self.resources:
            spec["resources"] = {k: dict(v) for k, v in self.resources.items()}
        if self.schemas:
            spec["schemas"] = schemaset.plain(self.schemas)
        return yaml.dump(
            {
                "apiVersion": documents.API_VERSION,
                "kind": documents.KIND,
                "metadata": {"name": self.name},
                "spec": spec,
            }
        )


def create_environment(
    actor: Actor,
    *,
    project: Project,
    name: str,
    tier: str,
    cluster: Cluster,
    blueprint: str,
    account: CloudAccount | None = None,
    parameters: Mapping[str, Any] | None = None,
    resources: Mapping[str, Mapping[str, Any]] | None = None,
    workloads: Mapping[str, Mapping[str, Any]] | None = None,
    schemas: Mapping[str, Any] | None = None,
    expires_at: datetime | None = None,
    origin: str = Change.Origin.API,
    idempotency_key: str = "",
    interactive: bool = True,
) -> Change:
    """The change that would make the environment; nothing is made before its plan is confirmed.

    Raises `Invalid` with every wrong field, `Refusal` for a limit, `Clash` for a taken name.
    """
    if tier not in Tier.values:
        raise field_error("tier", "enum", f"“{tier}” is no tier.", f"Use {', '.join(Tier.values)}.")
    above = tier_scope(project, tier)
    require(actor, CREATE, above)
    if again := _asked_before(actor, idempotency_key, above, name):
        return again
    draft = Draft(
        project, name, tier, cluster, blueprint, account,
        parameters or {}, resources or {}, workloads or {},
        expires_at or _longest(project, tier), schemas or {},
    )  # fmt: skip
    judged = judge_draft(draft)
    repository = repositories.ensure(project)
    base = repositories.tree_id(repository, repositories.head(repository), draft.directory)
    try:
        with transaction.atomic():
            environment = _make_rows(actor, draft, judged.version, repository)
            return propose_directory(
                actor,
                environment.application,
                {FILENAME: draft.text().encode()},
                verb=CREATE,
                title=f"Create {project.name}/{name}",
                origin=origin,
                idempotency_key=idempotency_key,
                interactive=interactive,
                base=base,
            )
    except Clash:
        # The same request, sent twice at once: the other one took the name and made the change.
        if again := _asked_before(actor, idempotency_key, above, name):
            return again
        raise


def judge_draft(draft: Draft) -> Judged:
    """Everything that can be said before planning; raises with the field, the rule, the fix."""
    check_name(draft.name, "name")
    if draft.name in Tier.values:
        message = f"“{draft.name}” names a tier, so {draft.project.name}/{draft.name} is taken."
        raise field_error("name", "reserved", message, f"Choose another, like {draft.name}-1.")
    _check_targets(draft)
    _check_limits(draft)
    if draft.expires_at and draft.expires_at <= timezone.now():
        message = "The expiry lies in the past."
        raise field_error("expires_at", "future", message, "Choose a later moment.")
    taken = Environment.objects.filter(project=draft.project, name=draft.name)
    if taken.exclude(state=Environment.State.DELETED).exists():
        raise _taken(draft)
    if draft.resources and draft.account is None:
        message = "Resources need a cloud account."
        raise field_error("account", "required", message, "Choose one, or remove the resources.")
    document = parse(draft.text())
    check_values(document)
    judged = judge(document, context_of(draft))
    blueprint = judged.version.blueprint
    if not blueprint.active:
        message = f"Blueprint {blueprint.name} takes no new environments."
        raise field_error("blueprint", "active", message, "Choose another.")
    return judged


def _check_limits(draft: Draft) -> None:
    found = limits.counted(limits.Wish(draft.project, draft.tier, draft.expires_at))
    if found:
        raise Refusal(
            found[0].sentence,
            fix=found[0].lift,
            errors=[FieldError(f.field, f.rule, f.sentence, f.lift) for f in found],
        )


def context_of(draft: Draft) -> RenderContext:
    """Where the draft would be rendered for; its namespace is only an example."""
    cluster, account = draft.cluster, draft.account
    return RenderContext(
        project=draft.project.name,
        environment=draft.name,
        tier=draft.tier,
        namespace=f"{draft.project.name}-{draft.name}-000000"[:63],
        team=draft.project.team.name,
        cluster=ClusterFacts(
            name=cluster.name,
            domain=cluster.domain,
            ingress_class=cluster.ingress_class,
            ingress_namespace=cluster.ingress_namespace,
            tls_issuer=cluster.tls_issuer,
            oidc_provider_arn=cluster.oidc_provider_arn,
            oidc_issuer=cluster.oidc_issuer,
            simulated=cluster.simulated,
        ),
        account=AccountFacts(account.name, account.region, account.simulated) if account else None,
    )


def adopt_directory(
    project: Project, name: str, files: Mapping[str, bytes], actor: Actor
) -> Application:
    """The rows of a pushed directory that no environment has; see `gitops.listeners`.

    Raises what the person who pushes shall read.
    """
    if FILENAME not in files:
        raise Invalid(f"{FOLDER}/{name} has no {FILENAME}.", fix=f"Add {FILENAME}.")
    parsed = parse(files[FILENAME])
    if parsed.name != name:
        raise field_error(
            "metadata.name",
            "directory",
            f"“{parsed.name}” differs from its directory, “{name}”.",
            f"Write {name}, or rename the directory.",
        )
    require(actor, CREATE, tier_scope(project, parsed.tier))
    cluster = _named(Cluster, parsed.cluster, "spec.cluster")
    account = _named(CloudAccount, parsed.account, "spec.account") if parsed.account else None
    draft = Draft(
        project, name, parsed.tier, cluster, f"{parsed.blueprint}@{parsed.version}", account,
        parsed.parameters, parsed.resources, parsed.workloads, parsed.expires_at, parsed.schemas,
    )  # fmt: skip
    judged = judge_draft(draft)
    repository = repositories.ensure(project)
    with transaction.atomic():
        return _make_rows(actor, draft, judged.version, repository).application


def _named(model: type[Any], name: str, at: str) -> Any:
    found = model.objects.filter(name=name, active=True).first()
    if found is None:
        known = list(model.objects.filter(active=True).values_list("name", flat=True))
        what = model._meta.verbose_name
        fix = documents.nearest(name, known)
        raise field_error(at, "exists", f"There is no {what} “{name}”.", fix)
    return found


def _longest(project: Project, tier: str) -> datetime | None:
    """The expiry where nobody names one: none, or as late as the limits allow."""
    days = limits.longest_life(project, tier)
    return None if days is None else timezone.now() + timedelta(days=days)


def _asked_before(actor: Actor, key: str, above: Scope, name: str) -> Change | None:
    """The change that this creation was answered with; `Clash` where the key made another."""
    made = made_before(actor, key)
    if made is None:
        return None
    if (made.verb, made.scope.parent_id, made.scope.name) != (CREATE, above.pk, name):
        raise key_used(made)
    return made


def _check_targets(draft: Draft) -> None:
    for at, row in (("cluster", draft.cluster), ("account", draft.account)):
        if row is None:
            continue
        if not row.active:
            message = f"{row.name} takes no new environments."
            raise field_error(at, "active", message, "Choose another.")
        if row.tiers and draft.tier not in row.tiers:
            message = f"{row.name} takes {', '.join(row.tiers)}, not {draft.tier}."
            raise field_error(at, "tier", message, "Choose another, or another tier.")


def _taken(draft: Draft) -> Clash:
    message = f"{draft.project.name} has an environment “{draft.name}” already."
    fix = "Choose another name, or delete that one first."
    return Clash(message, fix=fix, errors=[FieldError("name", "unique", message, fix)])


def _make_rows(
    actor: Actor, draft: Draft, version: BlueprintVersion, repository: Any
) -> Environment:
    """Scope, application and environment; the database lets one of two at the same time win.

    Inside the caller's transaction: limits of number are held until it ends, so that of two people
    who ask for the last place one waits and is then counted again.
    """
    limits.hold(draft.project, draft.tier)
    _check_limits(draft)
    try:
        with transaction.atomic():
            scope = environment_scope(draft.project, draft.tier, draft.name)
            application = Application.objects.create(
                scope=scope,
                repository=repository,
                directory=draft.directory,
                cluster=draft.cluster,
                account=draft.account,
                namespace=naming.namespace(draft.project.name, draft.name),
            )
            return Environment.objects.create(
                scope=scope,
                application=application,
                project=draft.project,
                name=draft.name,
                tier=draft.tier,
                blueprint_version=version,
                parameters=dict(draft.parameters),
                owner=actor.user,
                expires_at=draft.expires_at,
            )
    except IntegrityError as error:
        raise _taken(draft) from error
