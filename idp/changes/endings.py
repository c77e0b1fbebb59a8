"""The end of a change: its state, the kind's hook, the audit record and the news, in one go."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from idp.changes import events, kinds, people
from idp.changes.models import Change, ChangeStep
from idp.changes.plans import Plan
from idp.common import jobs
from idp.common.transitions import transition
from rbac import audit
from rbac.models import AuditRecord

log = logging.getLogger(__name__)

_OUTCOMES = {
    Change.State.SUCCEEDED: AuditRecord.Outcome.ALLOWED,
    Change.State.REFUSED: AuditRecord.Outcome.DENIED,
}
MAX_FIELDS = 100  # of a plan's fields in one audit record


def end(change: Change, state: Change.State, *, reason: str = "") -> None:
    """End the change, whose lock the caller holds in a transaction; raises `StaleState`.

    The token grows, so that a worker who still has the change can write nothing any more.
    """
    transition(
        change,
        state,
        reason=reason,
        finished_at=timezone.now(),
        lease_token=change.lease_token + 1,
        lease_holder="",
        lease_until=None,
    )
    change.steps.filter(state__in=[ChangeStep.State.PENDING, ChangeStep.State.RUNNING]).update(
        state=ChangeStep.State.SKIPPED, finished_at=timezone.now()
    )
    _run_hook(change)
    before, after = summary(change)
    audit.record(
        people.actor_of_change(change) if change.actor is None else people.author(change),
        change.verb,
        target=change,
        scope=change.scope,
        outcome=_OUTCOMES.get(state, AuditRecord.Outcome.FAILED),
        before=before,
        after={**after, "state": state.value},
        reason=reason,
        change_id=change.pk,
    )
    events.moved(change)
    transaction.on_commit(partial(wake_next, change.scope_id), robust=True)


def retire(scope_id: int, *, reason: str) -> None:
    """Cancel every change of a place that is gone, in the caller's transaction.

    Such a plan can never run: nobody shall be asked to confirm or approve it.
    """
    rows = Change.objects.select_for_update().filter(
        scope_id=scope_id,
        state__in=[Change.State.PLANNING, Change.State.READY, Change.State.WAITING],
    )
    for change in rows.order_by("pk"):
        end(change, Change.State.CANCELLED, reason=reason)


def _run_hook(change: Change) -> None:
    """The kind's own ending; its failure is logged and never keeps a change open for ever."""
    try:
        with transaction.atomic():
            kinds.get(change.kind).ended(change)
    except Exception:
        log.exception("the ending hook of change %s failed", change.pk)
        events.log(change, "The follow-up of this end failed; the server's log has the trace.")


def wake_next(scope_id: int) -> None:
    """Look at the changes that may have waited behind the one that ended, oldest first."""
    waiting = Change.objects.filter(scope_id=scope_id, state=Change.State.WAITING).order_by("pk")
    for pk in waiting.values_list("pk", flat=True)[:5]:
        jobs.enqueue("changes.work", change_id=pk)


def summary(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the plan changes, field by field, before and after, for the audit record."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if change.plan is None:
        return before, after
    for action in Plan.from_json(change.plan).effective:
        after.setdefault("actions", []).append(f"{action.verb} {action.key}")
        for field in action.fields:
            if len(before) >= MAX_FIELDS:
                return before, after
            where = f"{action.key}#{field.path}"
            before[where] = field.before
            after[where] = field.after if field.known else "known after apply"
    return before, after
