"""What the controller looks at every few seconds: one row's fault keeps no other one waiting."""

from __future__ import annotations

import pytest

from pipelines.runs import claiming
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import advancing, due, ending
from tests.pipelines.runs.conftest import World

PAST = "2020-01-01T00:00:00Z"
LATER = "later: {script: [echo], when: delayed, start_in: 1 minute}"


def test_a_lost_attempt_that_cannot_be_ended(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (world.start("job: {script: [echo]}") for _ in range(2))
    assert len(claiming.take(2)) == 2
    Job.objects.filter(pipeline=bad).update(work="no work")
    Attempt.objects.update(lease_until=PAST)
    assert ending.end_lost() == 1
    assert world.words(good) == {"job": "failed"}
    assert world.words(bad) == {"job": "running"}
    assert "was not ended" in caplog.text


def test_a_delayed_job_that_cannot_begin(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (world.start(LATER) for _ in range(2))
    Job.objects.update(start_at=PAST)
    advance = advancing.advance

    def fails(pipeline: Pipeline) -> None:
        if pipeline.pk == bad.pk:
            raise RuntimeError("no disk")
        advance(pipeline)

    monkeypatch.setattr(advancing, "advance", fails)
    assert due.begin() == 1
    assert world.words(good) == {"later": "pending"}
    assert world.words(bad) == {"later": "scheduled"}
    assert "was not begun" in caplog.text


def test_a_resource_group_that_cannot_be_given_away(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b"):
        for _ in range(2):
            world.start(f"deploy: {{script: [echo], resource_group: {name}}}")
    Job.objects.filter(status="pending").update(status="success")
    free_group = advancing.free_group

    def fails(project_id: int, group: str) -> None:
        if group == "a":
            raise RuntimeError("no disk")
        free_group(project_id, group)

    monkeypatch.setattr(advancing, "free_group", fails)
    assert advancing.free_groups() == 1
    waiting = Job.objects.filter(status="waiting_for_resource")
    assert [one.resource_group for one in waiting] == ["a"]
    assert "the resource group a" in caplog.text
