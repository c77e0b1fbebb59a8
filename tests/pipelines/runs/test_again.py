"""A pipeline run once more: with its own file or the newest, and never with another's variables."""

from __future__ import annotations

import pytest
from django.test import Client

from idp.common.errors import Clash, Forbidden, Invalid
from pipelines.runs.models import Pipeline
from pipelines.runs.services import again, planning, starting
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_job, make_pipeline

OLD = "old: {script: [echo $WHO]}"
NEW = "new: {script: [echo]}"


def jobs(world: World, pipeline: Pipeline) -> list[str]:
    planning.work_on(pipeline.pk)
    return list(world.words(pipeline))


def test_with_its_own_file_or_the_newest(world: World) -> None:
    first = world.start(OLD)
    world.commit(NEW)
    same = again.again(world.developer, first, "same")
    newest = again.again(world.developer, first, "newest")
    assert (same.sha == first.sha, jobs(world, same)) == (True, ["old"])
    assert (newest.sha == first.sha, jobs(world, newest)) == (False, ["new"])


@pytest.mark.parametrize("configuration", ["same", "newest"])
def test_a_tags_pipeline_stays_one_of_the_tag(world: World, configuration: str) -> None:
    """A tag called as the protected branch opens nothing of that branch."""
    world.commit(OLD)
    world.commit(NEW, "refs/tags/main")
    first = starting.start(world.developer, world.project, "refs/tags/main")
    made = again.again(world.developer, first, configuration)
    assert (first.is_tag, made.is_tag, made.is_protected) == (True, True, False)
    assert made.sha == first.sha


class TestGiven:
    def test_ones_own_variables_come_along(self, world: World) -> None:
        first = world.start(OLD, variables={"WHO": "me"})
        assert again.again(world.developer, first, "same").given == first.given

    def test_those_of_somebody_else_stay_theirs(self, world: World) -> None:
        first = world.start(OLD, variables={"WHO": "me"})
        with pytest.raises(Clash, match="stay theirs"):
            again.again(Actor(world.people.maintainer), first, "same")
        assert Pipeline.objects.count() == 1

    def test_inputs_are_judged_by_the_file_that_is_read(self, world: World) -> None:
        asks = "spec: {inputs: {level: {}}}\n---\n" + OLD
        first = world.start(asks, inputs={"level": "low"})
        world.commit(NEW)
        assert jobs(world, again.again(world.developer, first, "same")) == ["old"]
        with pytest.raises(Invalid, match="level"):
            again.again(world.developer, first, "newest")


def test_a_key_begins_one(world: World) -> None:
    first = world.start(OLD)
    made = [again.again(world.developer, first, "same", key="k").pk for _ in range(2)]
    assert made[0] == made[1]
    second = world.start(NEW)
    with pytest.raises(Invalid, match="another request"):
        again.again(world.developer, second, "same", key="k")


def test_who_may_not_run_it_may_not(world: World) -> None:
    with pytest.raises(Forbidden):
        again.again(Actor(world.people.viewer), world.start(OLD), "same")


@pytest.mark.parametrize("source", ["merge_request_event", "parent_pipeline", "pipeline"])
def test_what_is_begun_elsewhere_is_begun_again_there(world: World, source: str) -> None:
    row = make_pipeline(world.project, world.people.developer, source=source)
    with pytest.raises(Clash, match="once more"):
        again.again(world.developer, row, "same")


def test_by_page_and_rest(world: World) -> None:
    first = world.start(OLD)
    client = Client()
    client.force_login(world.people.developer)
    page = client.get(f"/pipelines/{first.pk}/").content.decode()
    assert "Run it all once more?" in page
    answer = client.post(f"/pipelines/{first.pk}/again/", {"configuration": "same", "once": "a"})
    made = Pipeline.objects.latest("pk")
    assert answer["Location"] == f"/pipelines/{made.pk}/"
    told = client.post(
        f"/api/v1/pipelines/{first.pk}/again/",
        {"configuration": "newest"},
        content_type="application/json",
    )
    assert (told.status_code, told.json()["source"]) == (202, "api")
    wrong = client.post(
        f"/api/v1/pipelines/{first.pk}/again/",
        {"configuration": "older"},
        content_type="application/json",
    )
    (said,) = wrong.json()["errors"]
    assert (wrong.status_code, said["field"]) == (422, "configuration")
    assert said["fix"] == "Take one of same, newest."
    count = Pipeline.objects.count()
    page = client.post(f"/pipelines/{first.pk}/again/", {"configuration": "older"}, follow=True)
    assert "Take one of same, newest." in page.content.decode()
    assert Pipeline.objects.count() == count


def test_the_page_of_a_job_runs_that_job_again_and_no_pipeline(world: World) -> None:
    job = make_job(make_pipeline(world.project, status="failed"), "unit", status="failed")
    client = Client()
    client.force_login(world.people.developer)
    text = client.get(f"/pipelines/jobs/{job.pk}/").content.decode()
    assert f'action="/pipelines/jobs/{job.pk}/retry/"' in text
    assert f"/pipelines/{job.pipeline_id}/again/" not in text
