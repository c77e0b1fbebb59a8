"""The look at what is due: once each, missed ones once, and what cannot start says why."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, connection

from gitops.hosts.local import ZERO
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from pipelines.schedules import due, services
from pipelines.schedules.models import Schedule
from pipelines.variables.models import Variable
from rbac.models import AuditRecord, Project, RoleBinding, User
from rbac.services import people
from tests.pipelines.schedules.conftest import Make, World
from tests.pipelines.schedules.factories import make_schedule
from tests.rbac.factories import actor, bind

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NIGHT = datetime(2026, 7, 2, 3, tzinfo=UTC)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def test_it_runs_as_its_owner_once_its_time_has_come(clock: Any, make: Make, world: World) -> None:
    row = make(variables={"SUITE": "full"})
    clock.move_to(NIGHT - timedelta(seconds=1))
    assert due.begin() == 0
    clock.move_to(NIGHT + timedelta(seconds=3))
    assert due.begin() == 1
    assert due.begin() == 0
    pipeline = Pipeline.objects.get()
    assert (pipeline.source, pipeline.actor, pipeline.ref) == (
        "schedule", world.people.developer, "main",
    )  # fmt: skip
    row.refresh_from_db()
    assert (row.last_pipeline, row.problem) == (pipeline, "")
    assert row.next_run_at == NIGHT + timedelta(days=1)
    assert row.ran_at == NIGHT + timedelta(seconds=3)


def test_runs_that_were_missed_start_once(clock: Any, make: Make) -> None:
    row = make(cron="*/15 * * * *")
    clock.move_to(NIGHT + timedelta(minutes=7))
    assert due.begin() == 1
    row.refresh_from_db()
    assert row.next_run_at == NIGHT + timedelta(minutes=15)


def test_a_look_takes_a_bounded_number_the_oldest_first(
    clock: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "MOST", 2)
    rows = [make(cron=f"{minute} 3 * * *") for minute in (5, 0, 2)]
    clock.move_to(NIGHT + timedelta(hours=1))
    assert due.begin() == 2
    rows[0].refresh_from_db()
    assert rows[0].ran_at is None
    assert due.begin() == 1


def test_what_is_off_does_not_begin(clock: Any, make: Make) -> None:
    make(active=False)
    clock.move_to(NIGHT + timedelta(days=3))
    assert due.begin() == 0


def test_a_time_that_somebody_took_is_nobody_else_s(clock: Any, make: Make) -> None:
    row = make()
    at = row.next_run_at
    assert at
    assert due.start(row.pk, at, NIGHT)
    assert not due.start(row.pk, at, NIGHT)
    assert not due.start(row.pk + 99, at, NIGHT)
    assert Pipeline.objects.count() == 1


def test_a_crash_takes_back_both_or_neither(
    clock: Any, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = make()
    clock.move_to(NIGHT)

    def fails(*_: Any, **__: Any) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(starting, "begin", fails)
        assert due.begin() == 0
    assert Schedule.objects.get().next_run_at == row.next_run_at
    assert due.begin() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_controllers_one_starts_it(make: Make) -> None:
    row = make()
    Schedule.objects.update(next_run_at=NIGHT)
    gate = threading.Barrier(2)
    begun: list[bool] = []

    def look() -> None:
        gate.wait()
        try:
            begun.append(due.start(row.pk, NIGHT, NIGHT))
        except DatabaseError:
            begun.append(False)  # SQLite's lock; the row stays due
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(begun) == Pipeline.objects.count() == 1


class TestWhatCannotStart:
    def began(self, clock: Any, row: Schedule) -> Schedule:
        clock.move_to(NIGHT)
        assert due.begin() == 0
        assert not Pipeline.objects.exists()
        row.refresh_from_db()
        return row

    def goes_on(self, row: Schedule) -> bool:
        return row.active and row.next_run_at == NIGHT + timedelta(days=1)

    def test_an_owner_who_left_switches_it_off(self, clock: Any, make: Make, world: World) -> None:
        row = make()
        people.deactivate_user(actor(world.people.administrator), world.people.developer)
        self.began(clock, row)
        assert not row.active
        assert "dana.dev is deactivated" in row.problem
        assert "take it over" in row.problem
        record = AuditRecord.objects.filter(action="schedule.update").latest("pk")
        assert record.actor_label == "slipway (schedules)"
        assert "deactivated" in record.reason

    def test_so_does_one_who_is_gone(self, clock: Any, make: Make) -> None:
        row = make()
        Schedule.objects.update(owner=None)
        self.began(clock, row)
        assert not row.active
        assert row.problem.startswith("Its owner is gone.")

    def test_a_lost_right_is_said_and_recorded(self, clock: Any, make: Make, world: World) -> None:
        row = make(actor(world.people.deployer))
        binding = RoleBinding.objects.get(user=world.people.deployer)
        RoleBinding.objects.filter(pk=binding.pk).delete()
        self.began(clock, row)
        assert self.goes_on(row)
        assert "della.deployer does not see orders" in row.problem
        assert AuditRecord.objects.filter(outcome="denied", action="pipeline.run").exists()

    def test_one_who_only_sees_it_may_not(self, clock: Any, make: Make, world: World) -> None:
        row = make(actor(world.people.deployer))
        RoleBinding.objects.filter(user=world.people.deployer).delete()
        bind("viewer", world.project.scope, user=world.people.deployer)
        self.began(clock, row)
        assert self.goes_on(row)
        assert "pipeline.run" in row.problem

    def test_a_reference_that_is_gone_is_named(self, clock: Any, make: Make, world: World) -> None:
        world.commit("job: {script: [x]}", "refs/heads/old")
        row = make(ref="old")
        world.repository.update_ref("refs/heads/old", ZERO, world.repository.ref("refs/heads/old"))
        self.began(clock, row)
        assert self.goes_on(row)
        assert "no branch or tag “old”" in row.problem
        services.update(world.developer, row.pk, ref="main")
        clock.move_to(NIGHT + timedelta(days=1))
        assert due.begin() == 1
        row.refresh_from_db()
        assert row.problem == ""

    def test_what_nobody_foresaw_stops_no_other(
        self, clock: Any, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row, look = make(), starting.look
        make(description="Other")

        def fails_once(project: Project, asked: starting.Asked) -> starting.At:
            if asked.schedule == row.pk:
                raise RuntimeError("no disk")
            return look(project, asked)

        monkeypatch.setattr(starting, "look", fails_once)
        clock.move_to(NIGHT)
        assert due.begin() == 1
        row.refresh_from_db()
        assert self.goes_on(row)
        assert row.problem == due.UNKNOWN


def test_protected_things_are_for_protected_branches(clock: Any, make: Make, world: World) -> None:
    Variable.objects.create(project=world.project, name="KEY", value="s3cr3t", protected=True)
    world.commit("job: {script: [x]}", "refs/heads/feature")
    make()
    make(ref="feature")
    clock.move_to(NIGHT)
    assert due.begin() == 2
    found = {row.ref: row.is_protected for row in Pipeline.objects.all()}
    assert found == {"main": True, "feature": False}


def test_a_row_of_the_factory_is_one(world: World) -> None:
    row = make_schedule(world.project, User.objects.get(username="dana.dev"))
    assert str(row) == "orders: Nightly tests"
