"""Watching health after applying: asked by the controller, so that it holds no worker."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from idp.changes import endings, events, kinds, leases
from idp.changes.kinds import Observation, Seen
from idp.changes.leases import LeaseLost
from idp.changes.models import Change
from idp.common.errors import SlipwayError

log = logging.getLogger(__name__)

MAX_INTERVAL = 10.0


def due(limit: int = 50) -> list[int]:
    """Ids of changes that want to be looked at now, those first that waited longest for a look."""
    rows = Change.objects.filter(leases.free(), state=Change.State.OBSERVING)
    oldest = F("not_before").asc(nulls_first=True)
    return list(rows.order_by(oldest, "applied_at").values_list("pk", flat=True)[:limit])


def observe(change_id: int) -> bool:
    """Look once at a change that is being watched; ends it when healthy or out of time.

    False when another process looks at it. The kind is asked outside any transaction.
    """
    lease = leases.claim(Change, change_id, where=Q(state=Change.State.OBSERVING))
    if lease is None:
        return False
    change = Change.objects.select_related("scope", "actor").get(pk=change_id)
    seen = _ask(change)
    try:
        with leases.fenced(lease) as row:
            if not _settle(row, seen):
                leases.release(lease, wait=_interval(row))
    except LeaseLost:
        log.info("change %s was ended by somebody else", change_id)
    return True


def _ask(change: Change) -> Observation:
    try:
        return kinds.get(change.kind).observe(change)
    except SlipwayError as error:
        return Observation(Seen.PROGRESSING, f"Its health is not known: {error.message}")
    except Exception as error:  # a kind's mistake must not stop the controller
        log.exception("observing change %s failed", change.pk)
        return Observation(Seen.PROGRESSING, f"Its health is not known ({type(error).__name__}).")


def _settle(change: Change, seen: Observation) -> bool:
    """True when the observation ended the change; otherwise what was seen is kept."""
    change.result = {**change.result, "health": {"seen": seen.seen, **seen.data}}
    if seen.seen is Seen.HEALTHY:
        change.save(update_fields=["result"])
        endings.end(change, Change.State.SUCCEEDED, reason=seen.message)
        return True
    if change.observe_until is not None and change.observe_until <= timezone.now():
        minutes = settings.CHANGE_OBSERVE_SECONDS / 60
        change.save(update_fields=["result"])
        reason = f"Applied, but not healthy within {minutes:g} min: {seen.message}"
        endings.end(change, Change.State.FAILED, reason=reason)
        return True
    if change.reason != seen.message:
        change.reason = seen.message
        events.log(change, seen.message, source="health", level=_level(seen))
        change.save(update_fields=["reason", "result"])
        events.moved(change)
    return False


def _level(seen: Observation) -> str:
    return "warn" if seen.seen is Seen.DEGRADED else "info"


def _interval(change: Change) -> float:
    """Seconds until the next look: often at first, every ten seconds later."""
    since = change.applied_at or timezone.now()
    return min(1.0 + (timezone.now() - since).total_seconds() / 10, MAX_INTERVAL)
