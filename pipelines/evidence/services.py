"""Writes of rules: each decides, validates, writes, audits."""

from __future__ import annotations

from typing import Any, Required, TypedDict, Unpack

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from idp.common.errors import Refusal, StaleState
from pipelines.evidence import language
from pipelines.evidence.models import EvidenceRule
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope
from rbac.services.writing import refuse, save_new

MANAGE, VIEW = "gate.manage", "gate.view"
MAX_RULES = 200
MAX_TITLE, MAX_FIX = 120, 500
RESERVED = frozenset({"check", "new", "preview"})  # words of addresses


class Change(TypedDict, total=False):
    """What of a rule can be changed."""

    title: str
    condition: str
    fix: str
    severity: str
    active: bool


class Given(Change):
    """A whole rule: its name and its place stay."""

    name: Required[str]
    scope: Required[Scope]


FIELDS = tuple(Change.__annotations__)


def draft(actor: Actor, **given: Unpack[Given]) -> EvidenceRule:
    """An unsaved rule, decided and checked: what is previewed is what is saved."""
    require(actor, MANAGE, given["scope"])
    row = EvidenceRule(created_by=actor.user, changed_by=actor.user, **given)
    _check(row)
    return row


def _check(row: EvidenceRule) -> None:
    if row.name in RESERVED:
        raise refuse("name", "reserved", f"“{row.name}” is a word of addresses.", "Take another.")
    for field, most in (("title", MAX_TITLE), ("fix", MAX_FIX)):
        text = getattr(row, field)
        if len(text) > most or not text.isprintable():
            raise refuse(field, "form", f"One line of at most {most} letters.", "Shorten it.")
    if not row.title.strip():
        raise refuse("title", "required", "Say in words what it asks for.", "All tests pass")
    if row.severity not in EvidenceRule.Severity.values:
        words = ", ".join(EvidenceRule.Severity.values)
        raise refuse("severity", "choice", f"One of {words}.")
    language.parts(row.condition)


@transaction.atomic
def add_rule(actor: Actor, **given: Unpack[Given]) -> EvidenceRule:
    """Make a rule; raises `Invalid` with field errors, `Clash` for a name that is taken."""
    row = draft(actor, **given)
    if EvidenceRule.objects.count() >= MAX_RULES:
        raise Refusal(
            f"There are {MAX_RULES} rules, which is the most.",
            fix="Put more clauses into one, or delete some.",
        )
    save_new(row, f"Rule {row.name}")
    _record(actor, row, {}, said(row))
    return row


@transaction.atomic
def change_rule(
    actor: Actor, row: EvidenceRule, *, revision: int | None = None, **values: Unpack[Change]
) -> EvidenceRule:
    """Change any of `FIELDS`; with `revision` only where nobody changed it since (`StaleState`)."""
    require(actor, MANAGE, row.scope)
    before, known = said(row), row.revision if revision is None else revision
    changed(row, **values)
    if said(row) == before:
        return row
    written = EvidenceRule.objects.filter(pk=row.pk, revision=known).update(
        revision=F("revision") + 1,
        changed_at=timezone.now(),
        changed_by=actor.user,
        **{field: getattr(row, field) for field in FIELDS},
    )
    if not written:
        message = f"Somebody changed rule {row.name} meanwhile."
        raise StaleState(message, fix="Look at it again, then save.")
    row.refresh_from_db(fields=["revision", "changed_at", "changed_by"])
    _record(actor, row, before, said(row))
    return row


def changed(row: EvidenceRule, **values: Unpack[Change]) -> EvidenceRule:
    """The rule in memory with other values, checked, for previews and before it is written."""
    for field, value in values.items():
        setattr(row, field, value)
    _check(row)
    return row


@transaction.atomic
def remove_rule(actor: Actor, row: EvidenceRule) -> None:
    """Forget a rule; what it said stays in the audit trail."""
    require(actor, MANAGE, row.scope)
    _record(actor, row, said(row), {})
    row.delete()


def said(row: EvidenceRule) -> dict[str, Any]:
    """What the audit trail says of a version of a rule."""
    told = {"scope": row.scope.label, "version": row.revision}
    return {**told, **{field: getattr(row, field) for field in FIELDS}}


def _record(actor: Actor, row: EvidenceRule, before: dict[str, Any], after: dict[str, Any]) -> None:
    audit.record(actor, MANAGE, target=row, scope=row.scope, before=before, after=after)
