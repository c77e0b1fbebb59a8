"""A push with a CI file starts a pipeline; who may not run pipelines pushes all the same."""

from __future__ import annotations

import pytest

from gitops.hosts.local import ZERO
from gitops.listeners import Pushed
from pipelines.runs.models import Pipeline
from pipelines.runs.pushes import pushed
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World

JOB = "job: {script: [echo]}"


def test_a_branch_and_a_tag(world: World) -> None:
    old = world.repository.head()
    new = world.commit(JOB)
    world.repository.update_ref("refs/tags/v1", new, "")
    moved = [(old, new, "refs/heads/main"), (ZERO, new, "refs/tags/v1")]
    lines = pushed(world.developer, Pushed(world.project, world.repository, moved))
    first, second = Pipeline.objects.order_by("number")
    assert lines == [
        f"Slipway: pipeline orders #1 of main begins: http://localhost:8000/pipelines/{first.pk}/",
        f"Slipway: pipeline orders #2 of v1 begins: http://localhost:8000/pipelines/{second.pk}/",
    ]
    assert (first.source, first.sha, first.before_sha, first.number) == ("push", new, old, 1)
    assert (second.is_tag, second.before_sha) == (True, "")


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/notes/commits"])
def test_without_a_file_or_a_branch_nothing_begins(world: World, ref: str) -> None:
    head = world.repository.head()
    what = Pushed(world.project, world.repository, [(ZERO, head, ref), (head, ZERO, ref)])
    assert pushed(world.developer, what) == []
    assert not Pipeline.objects.exists()


def test_who_may_not_run_is_told(world: World) -> None:
    new = world.commit(JOB)
    what = Pushed(world.project, world.repository, [(ZERO, new, "refs/heads/main")])
    lines = pushed(Actor(world.people.viewer), what)
    assert lines == ["Slipway: no pipeline: you may not run pipelines of this project."]
    assert not Pipeline.objects.exists()


def test_what_one_push_does_not_start_is_named(world: World) -> None:
    new = world.commit(JOB)
    plain = world.repository.commit(new).parents[0]
    moved = [(ZERO, plain, "refs/heads/a"), *((ZERO, new, f"refs/tags/v{n}") for n in range(18))]
    for _, sha, ref in moved:
        world.repository.update_ref(ref, sha, "")
    lines = pushed(world.developer, Pushed(world.project, world.repository, moved))
    assert [one.ref for one in Pipeline.objects.order_by("pk")] == ["v0", "v1", "v2", "v3", "v4"]
    (left,) = lines[5:]
    assert left == (
        "Slipway: no pipeline of v5, v6, v7, v8, v9, v10, v11, v12, v13, v14 and 3 more: one push"
        " starts 5. Start them at http://localhost:8000/pipelines/start/"
    )
