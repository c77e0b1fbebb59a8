"""What happens to a change that is cancelled, frozen or robbed of its leave while it pauses."""

from __future__ import annotations

import pytest
from django.utils import timezone

from idp.changes import leases, runner, services
from idp.changes.models import Change
from idp.common.errors import TemporaryBackendError
from rbac.actors import Actor
from rbac.models import RoleBinding
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.rbac.factories import Characters
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


@pytest.fixture
def rests(propose: Propose, world: World, dana: Actor) -> Change:
    """A change whose gates passed, and that pauses before its first effect."""
    change = run_until_settled(propose(interactive=True))
    services.confirm(dana, change, change.plan_hash)
    world.once("plan", AWAY)
    change = applying(change)
    assert not change.effects_started
    Change.objects.filter(pk=change.pk).update(not_before=None)
    return change


def test_a_change_that_rested_before_its_first_effect_goes_on(rests: Change) -> None:
    assert run_until_settled(rests).state == State.SUCCEEDED


def test_a_freeze_holds_what_has_no_effect_yet(
    rests: Change, people: Characters, mia: Actor, world: World
) -> None:
    freeze = services.freeze(mia, people.scope, "release week")
    change = run_until_settled(rests)
    assert change.state == State.WAITING
    assert "release week" in change.reason
    assert change.started_at is None
    assert not world.things
    services.lift_freeze(mia, freeze)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_who_lost_the_permission_before_the_first_effect_is_refused(
    rests: Change, people: Characters, world: World
) -> None:
    RoleBinding.objects.filter(user=people.developer, role__name="applier").delete()
    change = run_until_settled(rests)
    assert change.state == State.REFUSED
    assert "may no longer do this" in change.reason
    assert not world.things


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
