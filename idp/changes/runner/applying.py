"""Applying: the plan once more before the first effect, then step after step."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from idp.changes import endings, events, kinds, leases
from idp.changes.kinds import Step
from idp.changes.leases import LeaseLost
from idp.changes.models import Change, ChangeStep
from idp.changes.plans import Plan
from idp.changes.runner.planning import Planned, differences, planned_or_ended, settle
from idp.changes.runner.run import (
    Cancelled,
    Pause,
    Run,
    in_words,
    overdue,
)
from idp.changes.runner.starting import wait_again
from idp.common.errors import TemporaryBackendError
from idp.common.transitions import transition

log = logging.getLogger(__name__)


def run_applying(run: Run, change: Change) -> Pause | None:
    """Leaves `applying` for observing, an end, or (moved before any effect) another plan.

    A step that ends the change takes the lease with it: what follows raises `LeaseLost`.
    """
    if change.cancel_requested_at is not None:
        return _cancelled(run)
    if not change.effects_started:
        pause = _before_effects(run, change)
        change = run.look()
        if pause is not None or change.state != Change.State.APPLYING:
            return pause
    steps = _numbered_steps(run, change)
    if steps is None:
        return None
    for step in steps:
        pause = _run_step(run, step)
        if pause is not None:
            return pause
    with run.fenced() as row:
        if row.cancel_requested_at is None:
            _watch(row)
            return None
    return _cancelled(run)


def _before_effects(run: Run, change: Change) -> Pause | None:
    """The gates and the plan once more, unless this very run has just asked for them."""
    if not run.gates_passed and wait_again(run, change):
        return None
    return None if run.fresh_hash == change.plan_hash else _check_plan(run, change)


def _watch(change: Change) -> None:
    until = timezone.now() + timedelta(seconds=settings.CHANGE_OBSERVE_SECONDS)
    transition(
        change,
        Change.State.OBSERVING,
        reason="",
        failures=0,
        applied_at=timezone.now(),
        observe_until=until,
    )
    events.moved(change)


def _check_plan(run: Run, change: Change) -> Pause | None:
    """Plan once more; the same hash goes on, another goes back before anything was done."""
    planned = planned_or_ended(run, change, "Checking the plan")
    if not isinstance(planned, Planned):
        return planned
    plan = planned.plan
    if plan.bound_hash == change.plan_hash:
        return None
    what = differences(Plan.from_json(change.plan or {}), plan)
    with run.fenced() as row:
        transition(row, Change.State.PLANNING, started_at=None)
        if row.interactive:
            moved = f"The world moved before anything was done: {what}. Read the plan again."
        else:
            moved = ""
            events.log(row, f"Planned anew, because the world moved: {what}.")
        settle(row, plan, idle=planned.idle, moved=moved)
    run.fresh_hash = plan.bound_hash
    return None


def _numbered_steps(run: Run, change: Change) -> Sequence[Step] | None:
    """The kind's steps, each with its row; from here on the plan is bound."""
    try:
        steps = list(kinds.get(change.kind).steps(change, Plan.from_json(change.plan or {})))
    except Exception as error:  # as above
        log.exception("the steps of change %s cannot be made", change.pk)
        run.end(Change.State.FAILED, in_words(error))
        return None
    with run.fenced() as row:
        ChangeStep.objects.bulk_create(
            [
                ChangeStep(change=row, position=n, key=step.key, title=step.title[:200])
                for n, step in enumerate(steps, 1)
            ],
            ignore_conflicts=True,
        )
        if run.lease.taken_from:
            lost = run.lease.taken_from
            events.emit(row, "worker", {"lost": lost, "by": leases.shown(run.lease.holder)})
        if not row.effects_started:
            row.effects_started = True
            row.save(update_fields=["effects_started"])
            events.moved(row)
    return steps


class Context:
    """What a running step may use; see `kinds.StepContext`."""

    def __init__(self, run: Run, change: Change) -> None:
        self._run = run
        self.change = change
        self.fence = run.lease.token

    def log(self, text: str, **data: Any) -> None:
        with self._run.fenced() as row:
            events.log(row, text, **data)

    def checkpoint(self) -> None:
        if self._run.look().cancel_requested_at is not None:
            raise Cancelled

    def result_of(self, key: str) -> dict[str, Any]:
        done = self.change.steps.filter(key=key).values_list("result", flat=True).first()
        return dict(done or {})


def _run_step(run: Run, step: Step) -> Pause | None:
    """Run one step unless it is done; ends the change when it fails for good."""
    with run.fenced() as change:
        row = change.steps.get(key=step.key)
        if row.state == ChangeStep.State.DONE:
            return None
        if change.cancel_requested_at is None:
            _begin(run, change, row)
    if change.cancel_requested_at is not None:
        return _cancelled(run)
    try:
        result = step.run(Context(run, change))
    except LeaseLost:
        raise
    except Cancelled:
        return _cancelled(run)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again or ends the change
        return _failed(run, change, step, error)
    with run.fenced() as change:
        _finish(change, step.key, ChangeStep.State.DONE, result=result or {})
        if change.failures or change.reason:
            Change.objects.filter(pk=change.pk).update(failures=0, reason="")
    return None


def _begin(run: Run, change: Change, row: ChangeStep) -> None:
    row.state = ChangeStep.State.RUNNING
    row.attempt += 1
    row.worker = leases.shown(run.lease.holder)
    row.started_at = row.started_at or timezone.now()
    row.save(update_fields=["state", "attempt", "worker", "started_at"])
    _tell(change, row)


def _finish(
    change: Change, key: str, state: ChangeStep.State, *, result: dict[str, Any], detail: str = ""
) -> None:
    row = change.steps.get(key=key)
    row.state, row.result, row.finished_at = state, result, timezone.now()
    row.detail = detail or str(result.get("detail", ""))[:2000]
    row.save(update_fields=["state", "result", "finished_at", "detail"])
    _tell(change, row)


def _tell(change: Change, row: ChangeStep) -> None:
    data = {"key": row.key, "title": row.title, "position": row.position, "state": row.state}
    events.emit(change, "step", data)


def _failed(run: Run, change: Change, step: Step, error: Exception) -> Pause | None:
    """A pause for what may pass; the end of the change, with its reason, for all else."""
    reason = in_words(error)
    if isinstance(error, TemporaryBackendError):
        if not overdue(change, settings.CHANGE_APPLY_SECONDS):
            return run.later(change, error, step.title)
        reason = f"gave up after {settings.CHANGE_APPLY_SECONDS // 60} min: {reason}"
    log.warning("step %s of change %s failed", step.key, change.pk, exc_info=error)
    with run.fenced() as row:
        _finish(row, step.key, ChangeStep.State.FAILED, result={}, detail=reason[:2000])
        endings.end(row, Change.State.FAILED, reason=f"{step.title}: {reason}")
    return None


def _cancelled(run: Run) -> Pause | None:
    with run.fenced() as change:
        done = change.steps.filter(state=ChangeStep.State.DONE).count()
        every = change.steps.count()
        by = change.cancel_requested_by
        who = by.username if by else "Slipway"
    stays = f"Steps 1 to {done} of {every} stay as they are." if done else "Nothing was done."
    run.end(Change.State.CANCELLED, f"{who} cancelled it. {stays}")
    return None
