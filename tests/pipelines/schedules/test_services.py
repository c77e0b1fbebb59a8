"""Who makes, changes, takes over and runs schedules, and what is refused by field."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from idp.common.errors import Clash, Forbidden, Invalid, NotVisible
from pipelines.runs.models import Pipeline
from pipelines.runs.services import planning
from pipelines.schedules import selectors, services
from pipelines.schedules.models import Schedule
from rbac.access import AccessForbidden
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from rbac.services.tokens import create_token
from tests.pipelines.schedules.conftest import Make, World

pytestmark = pytest.mark.django_db


@time_machine.travel(datetime(2026, 7, 1, 12, tzinfo=UTC), tick=False)
def test_when_it_runs_is_known_once_it_is_made(make: Make) -> None:
    row = make(cron="0  3 * * *", timezone="Europe/Berlin", variables={"SUITE": "full"})
    assert row.next_run_at == datetime(2026, 7, 2, 1, tzinfo=UTC)
    assert (row.cron, row.given) == ("0 3 * * *", {"SUITE": "full"})
    record = AuditRecord.objects.get(action="schedule.create")
    assert record.after["variables"] == ["SUITE"]
    assert "full" not in json.dumps([record.before, record.after])


@time_machine.travel(datetime(2026, 7, 1, 12, tzinfo=UTC), tick=False)
def test_a_change_counts_anew_what_it_concerns(make: Make, world: World) -> None:
    row = make()
    services.update(world.developer, row.pk, description="Tests by night")
    assert Schedule.objects.get().next_run_at == row.next_run_at
    services.update(world.developer, row.pk, cron="0 4 * * *")
    assert Schedule.objects.get().next_run_at == datetime(2026, 7, 2, 4, tzinfo=UTC)
    off = services.update(world.developer, row.pk, active=False)
    assert (off.active, off.next_run_at) == (False, None)
    services.update(world.developer, row.pk, timezone="Asia/Tokyo")
    assert Schedule.objects.get().next_run_at is None
    on = services.update(world.developer, row.pk, active=True)
    assert on.next_run_at == datetime(2026, 7, 1, 19, tzinfo=UTC)
    assert on.description == "Tests by night"


def test_all_wrong_fields_are_named_at_once(make: Make) -> None:
    with pytest.raises(Invalid) as caught:
        make(description=" ", cron="* * * * *", timezone="Moon", ref="absent", variables={"1": ""})
    assert [(one.field, one.rule) for one in caught.value.errors] == [
        ("description", "required"),
        ("cron", "floor"),
        ("timezone", "unknown"),
        ("ref", "unknown"),
        ("variables", "name"),
    ]
    assert all(one.fix for one in caught.value.errors)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize("text", ["x" * 256, "a\nb"])
def test_a_description_is_one_line(make: Make, text: str) -> None:
    with pytest.raises(Invalid, match="One line"):
        make(description=text)


def test_there_are_not_more_than_can_be_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST", 1)
    make()
    with pytest.raises(Clash, match="has 1 schedules"):
        make()


class TestWho:
    @pytest.mark.parametrize("name", ["developer", "mate", "maintainer", "deployer"])
    def test_who_may_start_pipelines_makes_them(self, make: Make, world: World, name: str) -> None:
        assert make(Actor(getattr(world.people, name))).owner == getattr(world.people, name)

    def test_others_do_not(self, make: Make, world: World) -> None:
        with pytest.raises(AccessForbidden):
            make(Actor(world.people.viewer))
        with pytest.raises(NotVisible):
            make(Actor(world.people.stranger))

    @pytest.mark.parametrize("do", ["update", "delete"])
    def test_its_owner_and_maintainers_change_it(self, make: Make, world: World, do: str) -> None:
        row = make()
        act = {
            "update": lambda who: services.update(who, row.pk, description="Other"),
            "delete": lambda who: services.delete(who, row.pk),
        }[do]
        for user in (world.people.mate, world.people.viewer):
            with pytest.raises(AccessForbidden):
                act(Actor(user))
        with pytest.raises(NotVisible):
            act(Actor(world.people.stranger))
        act(Actor(world.people.maintainer))
        assert Schedule.objects.filter(owner=world.people.developer).exists() == (do == "update")

    def test_who_sets_what_runs_owns_it(self, make: Make, world: World) -> None:
        row = make(variables={"SUITE": "full"})
        maintainer = Actor(world.people.maintainer)
        services.update(maintainer, row.pk, cron="0 5 * * *", ref="main", variables=row.given)
        assert Schedule.objects.get().owner == world.people.developer
        services.update(maintainer, row.pk, variables={"SUITE": "short"})
        assert Schedule.objects.get().owner == world.people.maintainer

    def test_another_takes_it_over(self, make: Make, world: World) -> None:
        row, mate = make(), Actor(world.people.mate)
        assert services.take(mate, row.pk).owner == world.people.mate
        record = AuditRecord.objects.get(action="schedule.take")
        assert (record.before["owner"], record.after["owner"]) == ("dana.dev", "mate.dev")
        services.take(mate, row.pk)
        assert AuditRecord.objects.filter(action="schedule.take").count() == 1
        with pytest.raises(AccessForbidden):
            services.take(Actor(world.people.viewer), row.pk)

    def test_a_narrowed_token_owns_none(self, make: Make, world: World) -> None:
        mate = world.people.mate
        token, _ = create_token(
            Actor(mate), user=mate, name="ci", permissions=["pipeline.run"], scope=None,
            expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        narrowed, row = Actor(mate, token), make()
        for act in (
            lambda: make(narrowed),
            lambda: services.take(narrowed, row.pk),
        ):
            with pytest.raises(Forbidden, match="narrowed token owns no schedule"):
                act()
        assert services.run(narrowed, row.pk).token == token

    def test_nobody_switches_on_what_nobody_stands_for(self, make: Make, world: World) -> None:
        row = make(active=False)
        User.objects.filter(pk=world.people.developer.pk).update(is_active=False)
        maintainer = Actor(world.people.maintainer)
        with pytest.raises(Invalid, match="is deactivated") as caught:
            services.update(maintainer, row.pk, active=True)
        assert caught.value.errors[0].field == "active"
        services.take(maintainer, row.pk)
        assert services.update(maintainer, row.pk, active=True).next_run_at


class TestRunNow:
    def test_it_runs_as_whoever_asks_and_stays_due(self, make: Make, world: World) -> None:
        row = make(variables={"SUITE": "full"})
        pipeline = services.run(Actor(world.people.mate), row.pk)
        assert (pipeline.source, pipeline.actor) == ("schedule", world.people.mate)
        assert pipeline.actor_label == "schedule “Nightly”, for mate.dev"
        assert json.loads(pipeline.given) == {"SUITE": "full"}
        after = Schedule.objects.get()
        assert (after.last_pipeline, after.next_run_at) == (pipeline, row.next_run_at)
        assert list(selectors.pipelines(world.developer, after)) == [pipeline]

    def test_a_key_that_came_before_starts_nothing_more(self, make: Make, world: World) -> None:
        row = make()
        first = services.run(world.developer, row.pk, key="once")
        assert services.run(world.developer, row.pk, key="once") == first
        assert Pipeline.objects.count() == 1

    def test_a_refusal_is_told_as_of_a_start(self, make: Make, world: World) -> None:
        row = make()
        Schedule.objects.update(ref="gone")
        with pytest.raises(Invalid, match="no branch or tag “gone”"):
            services.run(world.developer, row.pk)
        with pytest.raises(AccessForbidden):
            services.run(Actor(world.people.viewer), row.pk)

    def test_what_it_was_deleted_for_stays(self, make: Make, world: World) -> None:
        row = make()
        pipeline = services.run(world.developer, row.pk)
        services.delete(world.developer, row.pk)
        pipeline.refresh_from_db()
        assert pipeline.schedule is None


def _jobs(world: World, row: Schedule, text: str) -> dict[str, Any]:
    world.commit(text)
    pipeline = services.run(world.developer, row.pk)
    planning.work_on(pipeline.pk)
    return {job.name: job for job in pipeline.jobs.all()}


def test_the_file_knows_that_it_is_a_schedule_s(make: Make, world: World) -> None:
    row = make(variables={"SUITE": "full"})
    is_it = '$CI_PIPELINE_SOURCE == "schedule"'
    named = '$CI_PIPELINE_SCHEDULE_DESCRIPTION == "Nightly"'
    full = '$SUITE == "full" && $CI_COMMIT_BRANCH == "main"'
    jobs = _jobs(
        world,
        row,
        f"nightly: {{script: [x], rules: [{{if: '{is_it} && {named}'}}]}}\n"
        f"full: {{script: [x], rules: [{{if: '{is_it} && {full}'}}]}}\n"
        "push: {script: [x], only: [pushes]}",
    )
    assert set(jobs) == {"nightly", "full"}


def test_a_file_that_makes_no_plan_is_said_on_the_row(make: Make, world: World) -> None:
    row = make()
    assert _jobs(world, row, "job: {}") == {}
    found = selectors.schedule(world.developer, row.pk)
    assert found.problem == ""
    assert "job" in selectors.trouble(found)
    assert _jobs(world, row, "job: {script: [x]}")
    assert selectors.trouble(selectors.schedule(world.developer, row.pk)) == ""
