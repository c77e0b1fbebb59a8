"""Changes that wait: looked at again by the controller, so that they go when nothing blocks."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from idp.changes import endings, gating, leases
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.changes.runner.starting import behind, note
from idp.common import jobs

log = logging.getLogger(__name__)


def reevaluate(limit: int = 200, awaiting: int = 20) -> list[int]:
    """Ask the gates of waiting changes; send those that may go now. Their ids.

    Those that were looked at longest ago come first. What waits for an approval is sent by the
    approval itself, so only `awaiting` of them are looked at in a run: to keep their pages true.
    """
    rows = Change.objects.filter(leases.free(), state=Change.State.WAITING)
    rows = rows.order_by(F("looked_at").asc(nulls_first=True), "pk")
    ids = [
        *rows.filter(awaits_approval=False).values_list("pk", flat=True)[:limit],
        *rows.filter(awaits_approval=True).values_list("pk", flat=True)[:awaiting],
    ]
    Change.objects.filter(pk__in=ids).update(looked_at=timezone.now())
    return [pk for pk in ids if _alone(_look, pk)]


def _alone(act: Callable[[int], bool], pk: int) -> bool:
    """What fails for one change is logged and holds up no other."""
    try:
        return act(pk)
    except Exception:
        log.exception("change %s could not be looked at", pk)
        return False


def _look(pk: int) -> bool:
    change = Change.objects.select_related(
        "scope__project_scope", "scope__tier_scope", "actor", "token"
    ).get(pk=pk)
    if change.state != Change.State.WAITING or change.plan is None:
        return False
    results = gating.evaluate(change, Plan.from_json(change.plan))
    # The permission is judged by the worker, which ends the change when it is gone.
    blocked = gating.reason(r for r in results if r.gate != "permission") or behind(change)
    if blocked and change.reason == blocked and not gating.keep(change, results):
        return False
    with transaction.atomic():
        row = Change.objects.select_for_update().get(pk=pk)
        if (row.state, row.plan_hash) != (Change.State.WAITING, change.plan_hash):
            return False
        if blocked:
            note(row, results, blocked)
            return False
        unsent = Change.objects.filter(leases.unsent(), pk=pk)
        if not leases.mark_sent(unsent, sends=row.sends):
            return False
        jobs.enqueue("changes.work", change_id=pk)
    return True


def expire(limit: int = 100) -> list[int]:
    """End what nobody confirmed in time; their ids. What is confirmed waits for its gates."""
    rows = Change.objects.filter(state=Change.State.READY, confirm_until__lt=timezone.now())
    return [pk for pk in rows.values_list("pk", flat=True)[:limit] if _alone(_expire, pk)]


def _expire(pk: int) -> bool:
    with transaction.atomic():
        change = Change.objects.select_for_update().get(pk=pk)
        if change.state != Change.State.READY:
            return False
        endings.end(change, Change.State.EXPIRED, reason="Nobody confirmed it in time.")
    return True
