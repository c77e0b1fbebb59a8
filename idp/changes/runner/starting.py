"""Waiting: permission again, gates, the queue of the place; then the change takes its turn."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.changes import events, gating, people
from idp.changes.gates import GateResult
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.changes.runner.run import Pause, Run
from idp.common.errors import StaleState
from idp.common.transitions import transition
from rbac import audit
from rbac.access import decide
from rbac.models import AuditRecord

RUNNING = (Change.State.APPLYING, Change.State.OBSERVING)


def run_waiting(run: Run, change: Change) -> Pause | None:
    """Leaves `waiting` for applying or refused; a pause while something blocks."""
    decision = decide(people.actor_of_change(change), change.verb, change.scope)
    if not decision.allowed:
        audit.record(
            people.author(change) if change.actor else people.actor_of_change(change),
            change.verb,
            target=change,
            scope=change.scope,
            outcome=AuditRecord.Outcome.DENIED,
            reason=decision.reason,
            change_id=change.pk,
        )
        why = f"{change.actor_label} may no longer do this: {decision.reason}"
        run.end(Change.State.REFUSED, why)
        return None
    results = gating.evaluate(change, Plan.from_json(change.plan or {}))
    blocked = gating.reason(results) or behind(change)
    with run.fenced() as row:
        note(row, results, blocked)
        if blocked:
            return Pause()
        run.gates_passed = True
        return _take_turn(row)


def wait_again(run: Run, change: Change) -> bool:
    """Back to waiting where a gate blocks by now a change that rested before its first effect."""
    blocked = gating.reason(gating.evaluate(change, Plan.from_json(change.plan or {})))
    if not blocked:
        run.gates_passed = True
        return False
    with run.fenced() as row:
        transition(row, Change.State.PLANNING, started_at=None)
        transition(row, Change.State.WAITING, reason=blocked)
        events.moved(row)
    return True


def note(change: Change, results: tuple[GateResult, ...], reason: str) -> None:
    """Keep the gates' answers and the reason; tell readers only when they are new."""
    new = gating.keep(change, results)
    if not new and change.reason == reason:
        return
    change.reason = reason
    change.save(update_fields=["reason", *gating.KEPT])
    events.moved(change)


def behind(change: Change) -> str:
    """Which change of the same place runs now, in words; empty when the place is free."""
    running = (
        Change.objects.filter(scope_id=change.scope_id, state__in=RUNNING)
        .exclude(pk=change.pk)
        .first()
    )
    return f"Waits behind change {running.pk}, “{running.title}”." if running else ""


def _take_turn(change: Change) -> Pause | None:
    try:
        with transaction.atomic():
            transition(
                change,
                Change.State.APPLYING,
                reason="",
                failures=0,
                started_at=change.started_at or timezone.now(),
            )
    except IntegrityError:  # another change of this place was a moment faster
        change.refresh_from_db()
        change.reason = behind(change)
        change.save(update_fields=["reason"])
        return Pause()
    except StaleState:
        return Pause()
    events.moved(change)
    return None
