"""Changes that wait: looked at again by the controller, so that they go when nothing blocks."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from idp.changes import endings, gating, leases
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.changes.runner.starting import behind, note
from idp.common import jobs

log = logging.getLogger(__name__)


def reevaluate(limit: int = 200) -> list[int]:
    """Ask the gates of every waiting change; send those that may go now. Their ids."""
    rows = Change.objects.filter(leases.free(), state=Change.State.WAITING).order_by("pk")
    return [pk for pk in rows.values_list("pk", flat=True)[:limit] if _look(pk)]


def _look(pk: int) -> bool:
    with transaction.atomic():
        change = Change.objects.select_for_update().get(pk=pk)
        if change.state != Change.State.WAITING or change.plan is None:
            return False
        results = gating.evaluate(change, Plan.from_json(change.plan))
        # The permission is judged by the worker, which ends the change when it is gone.
        blocked = gating.reason(r for r in results if r.gate != "permission") or behind(change)
        if blocked:
            note(change, results, blocked)
            return False
        row = Change.objects.filter(leases.unsent(), pk=pk)
        if not leases.mark_sent(row, sends=change.sends):
            return False
        jobs.enqueue("changes.work", change_id=pk)
    return True


def expire(limit: int = 100) -> list[int]:
    """End what nobody confirmed in time; their ids. What is confirmed waits for its gates."""
    rows = Change.objects.filter(state=Change.State.READY, confirm_until__lt=timezone.now())
    ended = []
    for pk in rows.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            change = Change.objects.select_for_update().get(pk=pk)
            if change.state != Change.State.READY:
                continue
            endings.end(change, Change.State.EXPIRED, reason="Nobody confirmed it in time.")
            ended.append(pk)
    return ended
