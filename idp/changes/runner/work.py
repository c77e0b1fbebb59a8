"""The entry point: take the change, carry it on phase by phase, give it back."""

from __future__ import annotations

import logging
from contextlib import suppress

from django.db.models import Q

from idp.changes import leases
from idp.changes.leases import Lease, LeaseLost, Renewal
from idp.changes.models import Change
from idp.changes.runner.applying import run_applying
from idp.changes.runner.planning import run_planning
from idp.changes.runner.run import Pause, Run
from idp.changes.runner.starting import run_waiting
from idp.common import jobs

log = logging.getLogger(__name__)

WORKED = (Change.State.PLANNING, Change.State.WAITING, Change.State.APPLYING)
MAX_PHASES = 12  # plans anew at most a few times in one go, then lets others have the worker
_PHASES = {
    Change.State.PLANNING: run_planning,
    Change.State.WAITING: run_waiting,
    Change.State.APPLYING: run_applying,
}


def work(change_id: int, *, renew: bool = True) -> bool:
    """Carry a change as far as it can go now; False when there was nothing to take.

    May be called twice, late or never: the lease decides who works, the sweeper calls again.
    An exception that is no `Exception` (a kill) leaves the lease to run out, as a dead worker does.
    """
    lease = leases.claim(Change, change_id, where=Q(state__in=WORKED))
    if lease is None:
        return False
    with Renewal(lease, active=renew) as renewal:
        try:
            pause = _carry(Run(lease, renewal))
        except LeaseLost:
            log.info("change %s is held by another worker or has ended", change_id)
            return True
        except Exception:
            log.exception("change %s could not be worked on", change_id)
            pause = Pause(min(2.0 * _attempts(change_id), 60.0))
        with suppress(LeaseLost):
            _give_back(lease, pause)
    return True


def _give_back(lease: Lease, pause: Pause) -> None:
    """Release the lease under the change's lock: a cancel meanwhile waits for no back-off."""
    with leases.fenced(lease) as change:
        cancelled = change.cancel_requested_at is not None
        leases.release(lease, wait=None if cancelled else pause.seconds)
        if cancelled:
            jobs.enqueue("changes.work", change_id=change.pk)


def _carry(run: Run) -> Pause:
    for _ in range(MAX_PHASES):
        change = run.look()
        phase = _PHASES.get(Change.State(change.state))
        if phase is None:
            return Pause()
        pause = phase(run, change)
        if pause is not None:
            return pause
    return Pause(5.0)


def _attempts(change_id: int) -> int:
    return Change.objects.values_list("attempts", flat=True).get(pk=change_id)
