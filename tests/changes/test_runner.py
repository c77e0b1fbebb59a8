"""The way of a change from proposal to its end, and how it goes on after every kind of crash."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from idp.changes import controller, leases, runner, selectors, services
from idp.changes.kinds import Observation, Seen
from idp.changes.models import Change, ChangeStep
from idp.common.errors import (
    Invalid,
    PermanentBackendError,
    PreconditionFailed,
    Refusal,
    StaleState,
    TemporaryBackendError,
)
from rbac.access import AccessForbidden
from rbac.actors import Actor
from rbac.models import AuditRecord, RoleBinding
from rbac.services import create_token
from tests.changes.conftest import VERB, Propose
from tests.changes.fake import Killed, World
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


def abandon(change: Change) -> None:
    """Let the lease of a dead worker run out."""
    past = timezone.now() - timedelta(seconds=1)
    Change.objects.filter(pk=change.pk).exclude(lease_until=None).update(lease_until=past)


def test_a_change_that_nobody_confirms_goes_to_its_end(propose: Propose, world: World) -> None:
    change = run_until_settled(propose())
    assert change.state == State.SUCCEEDED
    assert dict(world.made) == {"a": 1, "b": 1, "c": 1}
    assert world.ended == [change.pk]
    assert [s.state for s in change.steps.all()] == [ChangeStep.State.DONE] * 3
    assert change.finished_at
    assert change.lease_until is None


def test_events_are_numbered_without_gaps(propose: Propose) -> None:
    change = run_until_settled(propose())
    numbers = list(change.events.values_list("number", flat=True))
    assert numbers == list(range(1, change.event_number + 1))
    assert {"state", "step", "log"} <= set(change.events.values_list("kind", flat=True))


def test_an_interactive_change_waits_for_confirmation(
    propose: Propose, world: World, dana: Actor
) -> None:
    change = run_until_settled(propose(interactive=True))
    assert change.state == State.READY
    assert not world.made
    assert change.confirm_until
    with pytest.raises(PreconditionFailed, match="not the one you read"):
        services.confirm(dana, change, "another")
    services.confirm(dana, change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED
    with pytest.raises(StaleState, match="is done; it cannot be confirmed now"):
        services.confirm(dana, change, change.plan_hash)


def test_nothing_to_do_ends_at_once(propose: Propose, world: World) -> None:
    world.things["a"] = "there"
    change = run_until_settled(propose(things=["a"], interactive=True))
    assert (change.state, change.reason) == (
        State.SUCCEEDED,
        "Nothing to do: all is as asked.",
    )


def test_a_moved_world_asks_the_person_again(propose: Propose, world: World, dana: Actor) -> None:
    change = run_until_settled(propose(interactive=True))
    services.confirm(dana, change, change.plan_hash)
    world.version = "2"
    change = run_until_settled(change)
    assert change.state == State.READY
    assert (
        "The world moved before anything was done: Thing a: spec.version differs" in change.reason
    )
    assert not world.made
    assert not change.effects_started
    services.confirm(dana, change, change.plan_hash)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_moved_world_is_planned_anew_without_a_person(propose: Propose, world: World) -> None:
    change = propose()
    world.once("plan", Killed())
    with pytest.raises(Killed):
        runner.work(change.pk, renew=False)
    abandon(change)
    runner_plans = iter(["1", "2"])
    world.at["plan"] = lambda _: setattr(world, "version", next(runner_plans, "2"))
    # The first run stops behind another change of the place, so that the plan is stale later.
    other = propose(things=["z"])
    Change.objects.filter(pk=other.pk).update(state=State.OBSERVING)
    change = run_until_settled(change)
    assert change.reason == f"Waits behind change {other.pk}, “make things”."
    Change.objects.filter(pk=other.pk).update(state=State.SUCCEEDED)
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED
    assert change.base == "2"
    logs = [e.data["text"] for e in change.events.filter(kind="log")]
    assert "Planned anew, because the world moved: Thing a: spec.version differs" in logs[0]


POINTS = ["plan", "before a", "after a", "before b", "after b", "before c", "after c", "observe"]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_loses_and_doubles_nothing(
    propose: Propose, world: World, point: str
) -> None:
    change = propose()
    world.once(point, Killed())
    with pytest.raises(Killed):
        run_until_settled(change)
    assert not runner.work(change.pk, renew=False)  # the dead worker's lease still holds
    abandon(change)
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED
    assert dict(world.made) == {"a": 1, "b": 1, "c": 1}
    assert world.ended == [change.pk]
    if point.startswith(("before", "after")):
        lost = change.events.get(kind="worker").data
        assert lost["lost"] == leases.worker_name()


def test_a_step_that_is_done_is_not_called_again(propose: Propose, world: World) -> None:
    change = propose()
    world.once("before c", Killed())
    with pytest.raises(Killed):
        run_until_settled(change)
    abandon(change)
    calls: list[str] = []
    world.at["before a"] = lambda _: calls.append("a")
    run_until_settled(change)
    assert calls == []
    assert change.steps.get(key="make:c").attempt == 2
    assert change.steps.get(key="make:a").attempt == 1


def test_a_temporary_error_is_tried_again_later(propose: Propose, world: World) -> None:
    change = propose()
    world.once("before b", TemporaryBackendError("The cluster is busy.", retry_after=7))
    runner.work(change.pk, renew=False)
    change.refresh_from_db()
    assert change.state == State.APPLYING
    assert change.reason == "Make b: The cluster is busy. Trying again in 7 s."
    assert change.lease_until is None
    assert not runner.work(change.pk, renew=False)  # not before
    assert controller.sweep() == []
    Change.objects.filter(pk=change.pk).update(not_before=None)
    assert controller.sweep() == [change.pk]
    change = run_until_settled(change)
    assert (change.state, change.reason) == (State.SUCCEEDED, "")
    assert world.made["a"] == 1


def test_a_temporary_error_is_given_up_after_the_deadline(
    propose: Propose, world: World, settings: object
) -> None:
    change = propose()
    world.once("before b", TemporaryBackendError("The cluster is busy."))
    runner.work(change.pk, renew=False)
    long_ago = timezone.now() - timedelta(hours=2)
    Change.objects.filter(pk=change.pk).update(started_at=long_ago)
    world.once("before b", TemporaryBackendError("The cluster is busy."))
    change = run_until_settled(change)
    assert change.state == State.FAILED
    assert change.reason == "Make b: gave up after 30 min: The cluster is busy."


def test_a_permanent_error_fails_with_the_reason(propose: Propose, world: World) -> None:
    change = propose()
    error = PermanentBackendError("The bucket belongs to somebody else.", fix="Take another name.")
    world.once("before b", error)
    change = run_until_settled(change)
    assert change.state == State.FAILED
    assert change.reason == "Make b: The bucket belongs to somebody else. Take another name."
    states = list(change.steps.values_list("state", flat=True))
    assert states == ["done", "failed", "skipped"]
    assert world.ended == [change.pk]


def test_an_unexpected_error_fails_and_names_its_kind(propose: Propose, world: World) -> None:
    world.once("before a", ZeroDivisionError("by zero"))
    change = run_until_settled(propose())
    assert change.state == State.FAILED
    assert "An unexpected error (ZeroDivisionError: by zero)" in change.reason


def test_planning_refuses_waits_and_gives_up(propose: Propose, world: World) -> None:
    world.once("plan", Refusal("The quota of orders is full.", fix="Ask mia.maintainer."))
    change = run_until_settled(propose())
    assert (change.state, change.reason) == (
        State.REFUSED,
        "The quota of orders is full. Ask mia.maintainer.",
    )

    def busy(_: Change) -> None:
        raise TemporaryBackendError("The cluster does not answer.")

    world.at["plan"] = busy
    change = run_until_settled(propose())
    assert change.state == State.FAILED
    assert change.reason == "Planning was given up: The cluster does not answer."


def test_cancelling_stops_between_steps_and_says_what_stays(
    propose: Propose, world: World, dana: Actor
) -> None:
    change = propose()
    world.at["after a"] = lambda row: services.cancel(dana, row) and None
    change = run_until_settled(change)
    assert change.state == State.CANCELLED
    assert change.reason == "dana.dev cancelled it. Steps 1 to 1 of 3 stay as they are."
    assert dict(world.made) == {"a": 1}
    assert world.ended == [change.pk]


def test_cancelling_inside_a_step_stops_at_its_checkpoint(
    propose: Propose, world: World, dana: Actor
) -> None:
    world.at["before b"] = lambda row: services.cancel(dana, row) and None
    change = run_until_settled(propose())
    assert change.state == State.CANCELLED
    assert dict(world.made) == {"a": 1}


@pytest.mark.parametrize("interactive", [True, False])
def test_cancelling_before_anything_was_done(
    propose: Propose, world: World, dana: Actor, interactive: bool
) -> None:
    change = propose(interactive=interactive)
    if interactive:
        change = run_until_settled(change)
    change = services.cancel(dana, change)
    assert change.state == State.CANCELLED
    assert change.reason == "dana.dev cancelled it before anything was done."
    assert not runner.work(change.pk, renew=False)
    with pytest.raises(StaleState, match="has ended already: Cancelled"):
        services.cancel(dana, change)


def test_a_narrowed_token_cancels_its_owners_change_only_with_a_verb_for_it(
    propose: Propose, people: Characters, dana: Actor
) -> None:
    change = run_until_settled(propose(interactive=True))
    token, _ = create_token(
        dana, user=people.developer, name="reader", permissions=["change.view"], scope=None,
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    narrow = Actor(people.developer, token=token)
    assert not selectors.allowed(narrow, change).cancel
    with pytest.raises(AccessForbidden, match=r"does not carry change\.cancel"):
        services.cancel(narrow, change)
    assert selectors.allowed(dana, change).cancel
    assert services.cancel(dana, change).state == State.CANCELLED


def test_a_worker_that_lost_its_lease_writes_nothing(propose: Propose, world: World) -> None:
    change = propose()

    def overtaken(row: Change) -> None:
        del world.at["after b"]
        abandon(row)
        assert runner.work(row.pk, renew=False)  # another worker takes over and finishes

    world.at["after b"] = overtaken
    runner.work(change.pk, renew=False)
    change.refresh_from_db()
    assert change.state == State.OBSERVING
    assert dict(world.made) == {"a": 1, "b": 1, "c": 1}
    assert list(change.steps.values_list("state", flat=True)) == ["done"] * 3
    assert change.lease_token == 2


def test_an_actor_who_lost_the_permission_is_refused(
    propose: Propose, world: World, people: Characters, dana: Actor
) -> None:
    change = run_until_settled(propose(interactive=True))
    services.confirm(dana, change, change.plan_hash)
    RoleBinding.objects.filter(user=people.developer).delete()
    change = run_until_settled(change)
    assert change.state == State.REFUSED
    assert change.reason.startswith("dana.dev may no longer do this: ")
    assert not world.made
    assert AuditRecord.objects.filter(
        change_id=change.pk, action=VERB, outcome=AuditRecord.Outcome.DENIED
    ).exists()


def test_one_change_of_a_place_runs_at_a_time(propose: Propose, world: World) -> None:
    world.seen = Observation(Seen.PROGRESSING, "Deployment web: 1 of 3 ready")
    first, second = propose(things=["a"]), propose(things=["b"])
    runner.work(first.pk, renew=False)
    second = run_until_settled(second)
    assert second.state == State.WAITING
    assert second.reason == f"Waits behind change {first.pk}, “make things”."
    world.seen = Observation(Seen.HEALTHY)
    assert run_until_settled(first).state == State.SUCCEEDED
    assert run_until_settled(second).state == State.SUCCEEDED


def test_unhealthy_objects_are_named_when_time_is_up(propose: Propose, world: World) -> None:
    world.seen = Observation(Seen.DEGRADED, "Deployment web: image not found")
    change = propose()
    runner.work(change.pk, renew=False)
    controller.observe_due()
    change.refresh_from_db()
    assert (change.state, change.reason) == (State.OBSERVING, "Deployment web: image not found")
    Change.objects.filter(pk=change.pk).update(observe_until=timezone.now())
    change = run_until_settled(change)
    assert change.state == State.FAILED
    expected = "Applied, but not healthy within 10 min: Deployment web: image not found"
    assert change.reason == expected


def test_an_observation_that_fails_is_no_end(propose: Propose, world: World) -> None:
    world.once("observe", TemporaryBackendError("connection refused"))
    change = propose()
    runner.work(change.pk, renew=False)
    controller.observe_due()
    change.refresh_from_db()
    assert change.reason == "Its health is not known: connection refused"
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_failing_hook_does_not_keep_a_change_open(propose: Propose, world: World) -> None:
    world.once("ended", ValueError("no such row"))
    change = run_until_settled(propose())
    assert change.state == State.SUCCEEDED
    texts = [e.data["text"] for e in change.events.filter(kind="log")]
    assert "The follow-up of this end failed; the server's log has the trace." in texts


def test_losses_must_be_decided_before_confirming(
    propose: Propose, world: World, dana: Actor
) -> None:
    world.loss = True
    change = run_until_settled(propose(things=["a", "b"]))  # not interactive: asks nevertheless
    assert (change.state, change.reason) == (
        State.READY,
        "Choose what becomes of Thing a, Thing b.",
    )
    keys = ["memory/Thing//a", "memory/Thing//b"]
    with pytest.raises(Invalid, match="Nobody has chosen what becomes of Thing b") as caught:
        services.confirm(dana, change, change.plan_hash, {keys[0]: "retain"})
    assert [e.field for e in caught.value.errors] == [f"choices.{keys[1]}"]
    with pytest.raises(Invalid, match="Thing b"):
        services.confirm(dana, change, change.plan_hash, {keys[0]: "retain", keys[1]: "burn"})
    choices = {keys[0]: "retain", keys[1]: "purge"}
    before = change.plan_hash
    change = services.confirm(dana, change, before, choices)
    assert change.plan_hash != before  # the choices are part of what is bound
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED
    assert change.intent["choices"] == choices


def test_the_record_says_who_asked_confirmed_and_what_came_of_it(
    propose: Propose, world: World, dana: Actor
) -> None:
    change = run_until_settled(propose(interactive=True, things=["a"]))
    services.confirm(dana, change, change.plan_hash)
    run_until_settled(change)
    records = AuditRecord.objects.filter(change_id=change.pk).order_by("at")
    assert [r.action for r in records] == ["change.propose", "change.confirm", VERB]
    end = records[2]
    assert end.before == {"memory/Thing//a#spec.version": None}
    assert end.after == {
        "actions": ["create memory/Thing//a"],
        "memory/Thing//a#spec.version": "1",
        "state": "succeeded",
    }
    assert {r.actor_label for r in records} == {"dana.dev"}
