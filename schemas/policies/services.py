"""Writes of policies: each decides, validates, writes, audits, and has every process look again."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from idp.changes.models import Waiver
from idp.changes.services import leave
from idp.common import jobs
from idp.common.errors import Refusal, StaleState
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope, Team, Tier
from rbac.services.writing import refuse, save_new
from schemas import selectors
from schemas.addresses import page_of
from schemas.models import Subject
from schemas.permissions import POLICY_MANAGE, REGISTER
from schemas.policies import checks, holding, sweeping
from schemas.policies import rules as languages
from schemas.policies.judging import Removal
from schemas.policies.models import SchemaPolicy
from schemas.policies.selectors import tagged

TASK = "schemas.policies.sweep"
MAX_DESCRIPTION = 2000


class Change(TypedDict, total=False):
    """What of a policy can be changed."""

    description: str
    team: Team | None
    tier: str
    mode: str
    rules: Any


class Given(Change):
    """A whole policy: its name and its place stay."""

    name: Required[str]
    scope: Required[Scope]


FIELDS = tuple(Change.__annotations__)


def draft(actor: Actor, **given: Unpack[Given]) -> SchemaPolicy:
    """An unsaved policy, decided and checked: what is previewed is what is saved."""
    require(actor, POLICY_MANAGE, given["scope"])
    row = SchemaPolicy(changed_by=actor.user, **given)
    _check(row)
    return row


def _check(row: SchemaPolicy) -> None:
    if row.scope.kind not in {Scope.Kind.EVERYTHING, Scope.Kind.PROJECT}:
        raise refuse(
            "scope",
            "kind",
            "A policy stands at everything or at a project.",
            "Name the project, and the tier beside it.",
        )
    if len(row.description) > MAX_DESCRIPTION:
        raise refuse("description", "longest", f"At most {MAX_DESCRIPTION} letters.")
    if row.tier and row.tier not in Tier.values:
        raise refuse("tier", "choice", f"One of {', '.join(Tier.values)}, or none.")
    if row.mode not in SchemaPolicy.Mode.values:
        raise refuse("mode", "choice", f"One of {', '.join(SchemaPolicy.Mode.values)}.")
    languages.parse(row.rules, tier=row.tier)


@transaction.atomic
def add_policy(actor: Actor, **given: Unpack[Given]) -> SchemaPolicy:
    """Make a policy; raises `Invalid` with field errors, `Clash` for a name that is taken."""
    row = draft(actor, **given)
    if SchemaPolicy.objects.count() >= holding.MAX_POLICIES:
        raise Refusal(
            f"There are {holding.MAX_POLICIES} policies, which is the most.",
            fix="Put more rules into one, or delete some.",
        )
    save_new(row, f"Policy {row.name}")
    _tell(actor, row, {}, _facts(row))
    return row


@transaction.atomic
def change_policy(
    actor: Actor, row: SchemaPolicy, *, revision: int | None = None, **values: Unpack[Change]
) -> SchemaPolicy:
    """Change any of `FIELDS`; with `revision` only where nobody changed it since (`StaleState`)."""
    require(actor, POLICY_MANAGE, row.scope)
    before = _facts(row)
    changed(row, **values)
    if _facts(row) == before:
        return row
    known = row.revision if revision is None else revision
    written = SchemaPolicy.objects.filter(pk=row.pk, revision=known).update(
        revision=F("revision") + 1,
        changed_at=timezone.now(),
        changed_by=actor.user,
        **{field: getattr(row, field) for field in FIELDS},
    )
    if not written:
        raise StaleState(
            f"Somebody changed policy {row.name} meanwhile.", fix="Look at it again, then save."
        )
    row.refresh_from_db(fields=["revision", "changed_at", "changed_by"])
    _tell(actor, row, before, _facts(row))
    return row


def changed(row: SchemaPolicy, **values: Unpack[Change]) -> SchemaPolicy:
    """The policy in memory with other values, checked, for previews and before it is written."""
    for field, value in values.items():
        setattr(row, field, value)
    _check(row)
    return row


@transaction.atomic
def remove_policy(actor: Actor, row: SchemaPolicy) -> None:
    """Forget a policy and what fails it."""
    require(actor, POLICY_MANAGE, row.scope)
    before = _facts(row)
    _tell(actor, row, before, {})
    row.delete()


def _facts(row: SchemaPolicy) -> dict[str, Any]:
    """What the audit trail says of a policy."""
    return {
        "scope": row.scope.label,
        "description": row.description,
        "team": row.team.name if row.team else "",
        "tier": row.tier,
        "mode": row.mode,
        "rules": row.rules,
    }


def _tell(actor: Actor, row: SchemaPolicy, before: dict[str, Any], after: dict[str, Any]) -> None:
    audit.record(actor, POLICY_MANAGE, target=row, scope=row.scope, before=before, after=after)
    selectors.registry()  # the row that carries the stamp
    holding.changed()
    if after:
        transaction.on_commit(partial(sweeping.look_now, row.pk or 0), robust=True)
    jobs.enqueue(TASK)


def ask_removal(
    actor: Actor, subject: Subject, *, path: str, tag: str, reason: str, ends_at: datetime
) -> Waiver:
    """Ask for leave to take a guarded tag from a field; counts once another person gave it."""
    require(actor, REGISTER, subject.keeper)
    guard = {(one.path, one.tag): one.policy for one in tagged(subject)}.get((path, tag))
    if not guard:
        raise refuse(
            "path",
            "choice",
            f"No policy guards the tag {tag[:60]} of {path[:200]}.",
            "Register the version without it.",
        )
    scope, about = checks.cause_of(subject, Removal(guard, path, tag))
    return leave.ask_at(
        actor,
        scope=Scope.objects.get(pk=scope),
        gate=checks.GATE,
        about=about,
        told=f"Field {path} of {subject} would no longer be tagged {tag} (policy {guard}).",
        url=page_of(subject),
        reason=reason,
        ends_at=ends_at,
    )
