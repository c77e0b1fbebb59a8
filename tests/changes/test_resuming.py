"""What happens to a change that is cancelled, frozen or robbed of its leave while it pauses."""

from __future__ import annotations

import pytest
from django.utils import timezone

from idp.changes import leases, runner, services
from idp.changes.models import Change
from idp.common.errors import TemporaryBackendError
from rbac.actors import Actor
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db
AWAY = TemporaryBackendError("The cluster answers 429.", retry_after=300)


def applying(change: Change) -> Change:
    """Work until the change pauses, without skipping its back-off."""
    runner.work(change.pk, renew=False)
    change.refresh_from_db()
    assert change.state == State.APPLYING, change.reason
    return change


def test_a_cancel_waits_for_no_back_off(propose: Propose, world: World, dana: Actor) -> None:
    world.once("before b", AWAY)
    change = applying(propose())
    assert change.not_before
    assert change.not_before > timezone.now()
    assert not runner.work(change.pk, renew=False)  # it rests
    services.cancel(dana, change)
    assert runner.work(change.pk, renew=False)
    change.refresh_from_db()
    assert change.state == State.CANCELLED
    assert change.reason == "dana.dev cancelled it. Steps 1 to 1 of 3 stay as they are."


def test_a_cancel_during_the_failing_step_waits_for_no_back_off(
    propose: Propose, world: World, dana: Actor
) -> None:
    def happens(change: Change) -> None:
        services.cancel(dana, change)
        raise AWAY

    world.at["after b"] = happens
    change = applying(propose())
    assert change.not_before is None
    assert Change.objects.filter(leases.free(), pk=change.pk).exists()
    assert run_until_settled(change).state == State.CANCELLED


def test_a_cancel_during_the_last_step_counts(propose: Propose, world: World, dana: Actor) -> None:
    world.at["after c"] = lambda change: services.cancel(dana, change) and None
    change = run_until_settled(propose())
    assert change.state == State.CANCELLED
    assert change.reason == "dana.dev cancelled it. Steps 1 to 3 of 3 stay as they are."
