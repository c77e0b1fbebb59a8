"""Drives changes without Celery and without waiting, for the tests of every app."""

from __future__ import annotations

from idp.changes import controller, runner, waiting
from idp.changes.models import Change

WAITS_FOR_PEOPLE = (Change.State.READY,)


def run_until_settled(change: Change, *, rounds: int = 40) -> Change:
    """Work and observe until the change has ended, waits for people, or nothing moves any more.

    Back-offs are skipped, nothing sleeps; the same code runs as in workers and the controller.
    """
    for _ in range(rounds):
        change = Change.objects.get(pk=change.pk)
        if change.state not in Change.OPEN or change.state in WAITS_FOR_PEOPLE:
            return change
        before = (change.state, change.event_number, change.lease_token)
        Change.objects.filter(pk=change.pk).update(not_before=None)
        if change.state == Change.State.OBSERVING:
            controller.observe_due()
        else:
            runner.work(change.pk, renew=False)
        change = Change.objects.get(pk=change.pk)
        if change.state == Change.State.WAITING and before[0] == Change.State.WAITING:
            waiting.reevaluate()
            return Change.objects.get(pk=change.pk)
    return Change.objects.get(pk=change.pk)
