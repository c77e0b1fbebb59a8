"""What people complain about in every product, each shown first as it would be elsewhere."""

from __future__ import annotations

import pytest

from pipelines.runs import claiming
from pipelines.runs.models import Attempt, Pipeline
from pipelines.runs.services import ending, planning, starting
from pipelines.runs.services.ending import End
from tests.pipelines.runs.conftest import World

DEPLOY = """
build: {stage: build, script: [echo], interruptible: true}
production: {stage: deploy, script: [echo], environment: production, resource_group: production}
"""


def newer(world: World, text: str = DEPLOY) -> Pipeline:
    world.commit(text + "# newer")
    pipeline = starting.start(world.developer, world.project, "main", source="push")
    planning.work_on(pipeline.pk)
    pipeline.refresh_from_db()
    return pipeline


def end(name: str, status: str = "success") -> None:
    """Take the next attempt, which has to be this job's, and end it."""
    (taken,) = claiming.take(1)
    assert taken.attempt.job.name == name
    ending.finish(taken.lease, End(status))


class TestANewCommitComes:
    def test_what_may_be_broken_off_is(self, world: World) -> None:
        older = world.start(DEPLOY, source="push")
        newer(world)
        older.refresh_from_db()
        assert (older.status, older.reason) == ("canceled", "#2 is newer on main.")

    def test_a_deploy_that_has_begun_is_not_killed(self, world: World) -> None:
        older = world.start(DEPLOY, source="push")
        end("build")
        (deploy,) = claiming.take(1)
        second = newer(world)
        older.refresh_from_db()
        assert older.status == "running"
        assert not Attempt.objects.get(pk=deploy.attempt.pk).cancel
        end("build")
        waiting = world.job(second, "production")
        assert waiting.status == "waiting_for_resource"
        assert waiting.reason == "It waits for “production” of #1 in production."
        ending.finish(deploy.lease, End("success"))
        waiting.refresh_from_db()
        assert waiting.status == "pending"

    def test_only_what_is_interruptible_when_the_file_says_so(self, world: World) -> None:
        text = "workflow: {auto_cancel: {on_new_commit: interruptible}}\n" + DEPLOY
        older = world.start(text, source="push")
        newer(world, text)
        assert world.words(older) == {"build": "canceled", "production": "skipped"}

    def test_nothing_when_the_file_says_none(self, world: World) -> None:
        text = "workflow: {auto_cancel: {on_new_commit: none}}\n" + DEPLOY
        older = world.start(text, source="push")
        newer(world, text)
        older.refresh_from_db()
        assert older.status == "running"

    def test_other_branches_are_left_alone(self, world: World) -> None:
        older = world.start(DEPLOY, ref="topic", source="push")
        newer(world)
        older.refresh_from_db()
        assert older.status == "running"


def test_one_failure_ends_the_others_when_the_file_says_all(world: World) -> None:
    text = """
workflow: {auto_cancel: {on_job_failure: all}}
a: {script: [echo]}
b: {script: [echo]}
"""
    pipeline = world.start(text)
    first, second = claiming.take(2)
    ending.finish(first.lease, End("failed"))
    assert Attempt.objects.get(pk=second.attempt.pk).cancel
    ending.finish(second.lease, End("canceled"))
    pipeline.refresh_from_db()
    assert pipeline.status == "failed"


def test_a_manual_job_blocks_only_where_the_file_says_so(world: World) -> None:
    free = world.start("ask: {stage: build, script: [x], when: manual}\nb: {script: [echo]}")
    assert world.words(free) == {"ask": "manual", "b": "pending"}
    text = "ask: {stage: build, script: [x], when: manual, allow_failure: false}\nb: {script: [x]}"
    bound = world.start(text)
    assert (bound.status, world.words(bound)) == ("manual", {"ask": "manual", "b": "created"})


def test_projects_take_turns(world: World) -> None:
    many = "\n".join(f"j{n}: {{script: [echo]}}" for n in range(6))
    world.start(many)
    other = world.other()
    other.start("first: {script: [echo]}")
    taken = claiming.take(2)
    assert {one.attempt.project_id for one in taken} == {world.project.pk, other.project.pk}


@pytest.mark.parametrize("retried", ["always", "runner_system_failure"])
def test_a_lost_runner_is_told_and_runs_again_only_as_the_file_says(
    world: World, retried: str
) -> None:
    pipeline = world.start("job: {script: [echo]}")
    claiming.take(1)
    Attempt.objects.update(lease_until="2020-01-01T00:00:00Z")
    ending.end_lost()
    job = world.job(pipeline, "job")
    assert (job.status, job.failure, job.runs) == ("failed", "runner_system_failure", 1)
    again = world.start(f"job: {{script: [echo], retry: {{max: 1, when: {retried}}}}}")
    claiming.take(1)
    Attempt.objects.update(lease_until="2020-01-01T00:00:00Z")
    ending.end_lost()
    assert world.job(again, "job").status == "pending"


class TestStuck:
    def test_an_image_waits_with_the_reason_and_the_fix(self, world: World) -> None:
        pipeline = world.start("job: {image: python:3.12, script: [echo]}")
        assert claiming.take(1, reach=claiming.Reach(images=False)) == []
        reason = world.job(pipeline, "job").reason
        assert "python:3.12" in reason
        assert "SLIPWAY_CI_RUNNER_IGNORES_IMAGES" in reason

    def test_tags_that_no_runner_has(self, world: World) -> None:
        pipeline = world.start("job: {tags: [gpu], script: [echo]}")
        assert claiming.take(1) == []
        assert world.job(pipeline, "job").reason.startswith("No runner has the tags gpu.")
        assert len(claiming.take(1, reach=claiming.Reach(frozenset({"gpu"})))) == 1
