"""What a job hands in by its token: reports of its own commit and branch, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Invalid, NotVisible
from pipelines.deploys import identity
from pipelines.reports.models import Report
from pipelines.runs import claiming
from pipelines.runs.models import Pipeline
from rbac import tokens
from rbac.actors import Actor
from tests.pipelines.reports.making import MAIN, junit, upload
from tests.pipelines.runs.conftest import World, _places, world

__all__ = ["_places", "world"]


def of_job(world: World, ref: str = "main") -> tuple[Pipeline, Actor]:
    """A job that runs, as the actor that its token is."""
    pipeline = world.start("unit: {script: [echo]}", ref=ref)
    (taken,) = claiming.take(1)
    actor = tokens.authenticate(identity.text_of(taken.attempt), None)
    assert actor is not None
    return pipeline, actor


def test_its_own(world: World) -> None:
    pipeline, actor = of_job(world)
    row = upload(actor, world.project, junit(a="passed"), pipeline.sha)
    assert (row.ref, row.target, row.job) == ("main", "main", "unit")


def test_of_another_branch(world: World) -> None:
    pipeline, actor = of_job(world, "fix")
    row = upload(actor, world.project, junit(a="passed"), pipeline.sha, "fix", target="stable")
    assert (row.ref, row.target) == ("fix", "stable")
    other = upload(actor, world.project, junit(b="passed"), pipeline.sha, "fix")
    assert other.target == "main"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"commit": MAIN}, "commit"),
        ({"ref": "main"}, "ref"),
        ({"ref": "other"}, "ref"),
        ({"target": "fix"}, "target"),
    ],
)
def test_not_another_ones(world: World, given: dict[str, Any], field: str) -> None:
    pipeline, actor = of_job(world, "fix")
    with pytest.raises(Invalid) as refused:
        upload(
            actor,
            world.project,
            junit(a="passed"),
            **{"commit": pipeline.sha, "ref": "fix"} | given,
        )
    (error,) = refused.value.errors
    assert error.field == field
    assert error.fix
    assert not Report.objects.exists()


def test_not_of_another_project(world: World) -> None:
    _, actor = of_job(world)
    other = world.other()
    with pytest.raises((Invalid, NotVisible)):
        upload(actor, other.project, junit(a="passed"), other.commit("x: {script: [echo]}"))
    assert not Report.objects.exists()


def test_whoever_started_it_is_free_to_say(world: World) -> None:
    assert upload(world.developer, world.project, junit(a="passed"), MAIN).commit == MAIN
