"""Asking every gate about a change, and what its answers mean. Reads rows only."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from idp.changes import gates, people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change, Waiver
from idp.changes.plans import Plan
from idp.common.errors import SlipwayError
from rbac.models import Scope

log = logging.getLogger(__name__)

EMPTY = Plan().to_json()


def at_or_above(scope: Scope, prefix: str = "scope") -> Q:
    """Rows bound at this scope or at one above it, the root included."""
    return Q(**{f"{prefix}__in": scope.lineage}) | Q(**{f"{prefix}__kind": Scope.Kind.EVERYTHING})


def evaluate(change: Change, plan: Plan) -> tuple[GateResult, ...]:
    """Every gate's answer, waivers taken into account, in the order of registration."""
    results = [_ask(gate, change, plan) for gate in gates.registered()]
    if all(r.outcome is Outcome.PASS for r in results):
        return tuple(results)
    waivers = {w.gate: w for w in active_waivers(change)}
    waivable = {gate.name for gate in gates.registered() if gate.waivable}
    return tuple(
        _waived(result, waivers[result.gate])
        if result.outcome is not Outcome.PASS and result.gate in waivers and result.gate in waivable
        else result
        for result in results
    )


def _ask(gate: Gate, change: Change, plan: Plan) -> GateResult:
    try:
        return gate.check(change, plan)
    except SlipwayError as error:
        sentence = f"{error.message} {error.fix}".strip()
    except Exception as error:  # what cannot be judged must block, whatever the reason
        log.exception("gate %s could not judge change %s", gate.name, change.pk)
        sentence = f"It could not be judged ({type(error).__name__}: {error})."
    return GateResult(
        gate.name,
        gate.title,
        Outcome.REFUSE,
        sentence,
        lift="A platform engineer mends the rule; until then it blocks.",
    )


def _waived(result: GateResult, waiver: Waiver) -> GateResult:
    by = waiver.approver.username if waiver.approver else ""
    return replace(
        result,
        outcome=Outcome.PASS,
        sentence=f"Waived by {by} until {waiver.ends_at:%d %b %H:%M} UTC: {waiver.reason}",
        waived_by=by,
        lift="",
    )


def active_waivers(change: Change) -> Iterable[Waiver]:
    """Granted waivers in force for this change, or for its place when bound to no change.

    One that a person granted who asked for the change or confirmed it lets others past, not this.
    """
    return (
        in_force(about="")
        .filter(at_or_above(change.scope), Q(change=change) | Q(change=None))
        .exclude(approver__in=people.asked(change))
        .order_by("ends_at")
    )


def in_force(**where: Any) -> QuerySet[Waiver]:
    """Waivers that a person granted and that have neither ended nor been revoked."""
    return Waiver.objects.filter(
        revoked_at=None,
        approved_at__isnull=False,
        approver__service_account=None,
        ends_at__gt=timezone.now(),
        **where,
    ).select_related("approver")


def leave_given(
    gate: str, causes: Collection[tuple[int, str]], change: Change | None = None
) -> dict[tuple[int, str], Waiver]:
    """The leave in force for causes, each a scope's id and what it is `about`, by cause.

    One that a person gave who asked for the change lets others past, not this.
    """
    if not causes:
        return {}
    rows = in_force(gate=gate, about__in={about for _, about in causes})
    if change is not None:
        rows = rows.exclude(approver__in=people.asked(change))
    found = {(row.scope_id, row.about): row for row in rows.order_by("ends_at")}
    return {cause: found[cause] for cause in causes if cause in found}


def keep(change: Change, results: Iterable[GateResult]) -> bool:
    """Set the gates' last answers on the instance, for the pages; False when they are as before."""
    answers = [r.to_json() for r in results]
    missing = any(a["gate"] == "approval" and a["outcome"] == Outcome.WAIT for a in answers)
    # Nobody can approve before it is chosen what becomes of the data.
    awaits = missing and not Plan.from_json(change.plan or EMPTY).undecided
    if (change.gates, change.awaits_approval) == (answers, awaits):
        return False
    change.gates, change.awaits_approval = answers, awaits
    return True


KEPT = ("gates", "awaits_approval")


def blocking(results: Iterable[GateResult]) -> tuple[GateResult, ...]:
    return tuple(r for r in results if r.outcome is not Outcome.PASS)


def reason(results: Iterable[GateResult]) -> str:
    """Why a change waits, in sentences; empty when every gate passes."""
    return " ".join(r.sentence for r in blocking(results))
