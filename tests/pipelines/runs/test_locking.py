"""In which order rows are locked, and what becomes of a transaction that had to give way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError

from idp.changes import leases
from pipelines.runs import claiming
from pipelines.runs.models import Pipeline
from pipelines.runs.services import advancing, ending, grouping
from pipelines.runs.services.ending import End
from tests.pipelines.runs.conftest import World

TEXT = """
workflow: {auto_cancel: {on_new_commit: interruptible}}
build: {stage: build, script: [echo], interruptible: true}
deploy: {stage: build, script: [echo], resource_group: production}
"""


def test_older_pipelines_are_locked_before_the_project_the_newest_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = [world.start(TEXT, source=Pipeline.Source.PUSH) for _ in range(2)]
    world.commit(TEXT + "# new\n")
    order: list[Any] = []
    locked, lock = advancing.locked, grouping.lock

    def pipeline(**which: int) -> Pipeline:
        order.append(which["pk"])
        return locked(**which)

    def project(pk: int) -> None:
        order.append("project")
        lock(pk)

    monkeypatch.setattr(advancing, "locked", pipeline)
    monkeypatch.setattr(grouping, "lock", project)
    world.start(TEXT + "# new\n", source=Pipeline.Source.PUSH)
    assert order[:2] == [older[1].pk, older[0].pk]
    assert set(order[2:]) == {"project"}
    assert world.words(older[0])["build"] == "canceled"


@pytest.mark.django_db(transaction=True)
class TestGivingWay:
    def test_an_end_that_was_broken_off_is_written_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pipeline = world.start("job: {script: [echo]}")
        (taken,) = claiming.take(1)
        self._breaks(monkeypatch, times=2)
        ending.finish(taken.lease, End("success"))
        assert world.words(pipeline) == {"job": "success"}

    def test_not_for_ever(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        pipeline = world.start("job: {script: [echo]}")
        (taken,) = claiming.take(1)
        self._breaks(monkeypatch, times=ending.MOST_TRIES)
        with pytest.raises(OperationalError):
            ending.finish(taken.lease, End("success"))
        assert world.words(pipeline) == {"job": "running"}

    def _breaks(self, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        left = [OperationalError("deadlock detected")] * times
        locked = leases.locked

        def breaks(lease: leases.Lease) -> Any:
            row = locked(lease)
            if left:
                raise left.pop()
            return row

        monkeypatch.setattr(leases, "locked", breaks)
        monkeypatch.setattr(ending, "TRY_SECONDS", 0)


class TestTurns:
    def test_each_attempt_is_taken_once_and_a_new_one_too(self, world: World) -> None:
        turns = claiming.Turns()
        world.start("one: {script: [echo]}\ntwo: {script: [echo]}")
        found = [turns.take(1, name="r", reach=claiming.Reach())[0] for _ in range(2)]
        assert {one.attempt.job.name for one in found} == {"one", "two"}
        assert turns.take(1, name="r", reach=claiming.Reach()) == []
        world.start("three: {script: [echo]}")
        assert len(turns.take(5, name="r", reach=claiming.Reach())) == 1

    def test_one_that_another_runner_took_is_passed_over(self, world: World) -> None:
        turns = claiming.Turns()
        world.start("one: {script: [echo]}\ntwo: {script: [echo]}\nthree: {script: [echo]}")
        turns.take(1, name="r", reach=claiming.Reach())
        claiming.take(1)
        (found,) = turns.take(1, name="r", reach=claiming.Reach())
        assert found.attempt.job.name == "three"
        assert found.attempt.lease_token == found.lease.token
        assert found.attempt.status == "running"
