"""Releases from real jobs: the tag, the row, its notes and links, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from gitops.review import tagging
from idp.common.errors import Clash, Invalid
from pipelines.agent.forms import Finish
from pipelines.fleet import finishing
from pipelines.releases.models import Release
from pipelines.runs import claiming
from pipelines.runs.models import Attempt, Pipeline
from pipelines.runs.services import acting, planning
from pipelines.variables.models import Variable
from rbac.models import AuditRecord
from tests.pipelines.deploys.conftest import _places, finished, runs, world
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_attempt, make_job, make_pipeline
from tests.pipelines.runs.test_pages import client_of, text_of
from tests.support.world import connect_repository

__all__ = ["_places", "finished", "runs", "world"]
Finished = Callable[[Pipeline], Pipeline]
FILE = """
release:
  script: [echo "more than a line" > notes.md, echo '<b>second</b>' >> notes.md]
  release:
    tag_name: v1.$CI_PIPELINE_IID
    name: The first
    tag_message: Signed off
    description: ./notes.md
    assets: {links: [{name: Image, url: 'https://registry.test/a', link_type: image}]}
  rules: [{if: $CI_COMMIT_BRANCH}]
"""
PLAIN = "job: {script: [echo], release: {tag_name: %s, description: %s}}"


@pytest.fixture
def here(transactional_db: None, world: World) -> World:
    return world


def reason(here: World, pipeline: Pipeline) -> str:
    assert pipeline.status == "failed"
    return here.job(pipeline, "job").reason


def test_a_job_that_passed_makes_tag_and_release(here: World, finished: Finished) -> None:
    pipeline = finished(here.start(FILE))
    assert pipeline.status == "success", pipeline.jobs.get().reason
    row = Release.objects.get()
    assert (row.tag, row.sha, row.name) == (f"v1.{pipeline.number}", pipeline.sha, "The first")
    assert row.description == "more than a line\n<b>second</b>\n"
    assert row.links[0]["url"] == "https://registry.test/a"
    assert here.repository.ref(f"refs/tags/{row.tag}") == pipeline.sha
    kind = here.repository._run("cat-file", "tag", f"refs/tags/{row.tag}").decode()
    assert f"object {pipeline.sha}" in kind
    assert "Signed off" in kind
    assert AuditRecord.objects.filter(action="release.create").count() == 1
    tagged = Pipeline.objects.get(is_tag=True)  # as any push of a tag begins one
    assert (tagged.ref, tagged.sha) == (row.tag, pipeline.sha)
    planning.work_on(tagged.pk)


def test_a_job_that_runs_again_makes_nothing_twice(here: World, finished: Finished) -> None:
    pipeline = finished(here.start(PLAIN % ("v1", "First")))
    acting.retry(here.developer, here.job(pipeline, "job").pk)
    assert finished(pipeline).status == "success"
    assert Release.objects.count() == 1


def test_a_job_that_failed_releases_nothing(here: World, finished: Finished) -> None:
    finished(here.start((PLAIN % ("v1", "First")).replace("echo", "exit 1")))
    assert not Release.objects.exists()
    assert not here.repository.ref("refs/tags/v1")


@pytest.mark.parametrize(
    ("tag", "more", "word"),
    [
        ("'../up'", "", "is no name of a tag"),
        ("a..b", "", "is no name of a tag"),
        ("v1", ", ref: gone", "There is no branch, tag or commit “gone”"),
        ("v1", ", released_at: soon", "is no moment"),
        ("v1", ", released_at: '9999-12-31T23:59:59-14:00'", "is no moment"),
        ("v1", ", released_at: '2201-01-01T00:00:00Z'", "is not one of 1970 to 2200"),
        ("v1", ", released_at: '1969-12-31T23:59:59Z'", "is not one of 1970 to 2200"),
        ("v1", ", assets: {links: [{name: a, url: 'javascript:x'}]}", "leads to no http"),
    ],
)  # fmt: skip
def test_what_cannot_be_released_fails_the_job_with_the_reason(
    here: World,
    finished: Finished,
    tag: str,
    more: str,
    word: str,
) -> None:
    pipeline = finished(here.start(PLAIN % (tag, f"First{more}")))
    said = reason(here, pipeline)
    assert word in said
    assert "its script passed, but the release was not made" in said
    assert not Release.objects.exists()
    assert not here.repository.ref("refs/tags/v1")


def test_a_tag_of_another_release_is_not_taken(here: World, finished: Finished) -> None:
    finished(here.start(PLAIN % ("v1", "First")))
    pipeline = finished(here.start(PLAIN % ("v1", "Another")))
    assert "is there already" in reason(here, pipeline)


def test_a_tag_that_is_there_is_released_as_it_is(here: World, finished: Finished) -> None:
    old = here.commit("job: {script: [x]}")
    tagging.make(here.developer, here.project, "v0", old)
    with pytest.raises(Clash):
        tagging.make(here.developer, here.project, "v0", old)
    finished(here.start(PLAIN % ("v0", "Old")))
    assert Release.objects.get().sha == old


def test_forks_and_who_may_not_push_make_none(here: World, finished: Finished) -> None:
    pipeline = here.start(PLAIN % ("v1", "First"))
    Pipeline.objects.filter(pk=pipeline.pk).update(foreign=True)
    assert "forks" in reason(here, finished(pipeline))
    pipeline = here.start(PLAIN % ("v1", "First"))
    Pipeline.objects.filter(pk=pipeline.pk).update(actor=here.people.viewer)
    assert "release was not made" in reason(here, finished(pipeline))
    assert not here.repository.ref("refs/tags/v1")


def test_a_tag_that_is_there_needs_the_right_to_push_too(here: World, finished: Finished) -> None:
    tagging.make(here.developer, here.project, "v0", here.commit("job: {script: [x]}"))
    pipeline = here.start(PLAIN % ("v0", "First"))
    Pipeline.objects.filter(pk=pipeline.pk).update(actor=here.people.viewer)
    assert "release was not made" in reason(here, finished(pipeline))
    assert not Release.objects.exists()


def test_masked_values_are_in_no_release(here: World, finished: Finished) -> None:
    Variable.objects.create(project=here.project, name="KEY", value="hunter2-more", masked=True)
    finished(here.start(PLAIN % ("v1", "'It is $KEY'")))
    assert Release.objects.get().description == "It is [MASKED]"


def test_a_project_at_a_git_host_is_told_to_push_the_tag(here: World) -> None:
    connect_repository(here.project, here.people.administrator)
    with pytest.raises(Clash, match="where Slipway makes no tags"):
        tagging.make(here.developer, here.project, "v1", "a" * 40)


@pytest.mark.parametrize("name", ["", "a b", "-x", "a//b", "a/.b", "x.lock", "a.", "é", "a" * 201])
def test_names_that_git_would_refuse(name: str) -> None:
    with pytest.raises(Invalid):
        tagging.checked_name(name)


def test_an_agents_job_makes_one_as_it_finishes(here: World) -> None:
    here.start(PLAIN % ("v1", "First"))
    (taken,) = claiming.take(1)
    said = Finish(status="success", exit_code=0)
    finishing.finish(taken.attempt, taken.lease, said)
    assert Release.objects.get().tag == "v1"
    assert Attempt.objects.get(pk=taken.attempt.pk).status == "success"


def test_the_page_and_rest_show_releases_as_text(here: World) -> None:
    pipeline = make_pipeline(here.project)
    make_attempt(make_job(pipeline, "job"))
    row = Release.objects.create(
        project=here.project, tag="v1", sha=pipeline.sha, name="<i>One</i>", pipeline=pipeline,
        description="# Head\n<script>x</script>", actor_label="dana",
        links=[{"name": "A", "url": "https://a.test/", "filepath": "", "link_type": "other"}],
        released_at=timezone.now() + timedelta(days=2),
    )  # fmt: skip
    client = client_of(here.people.viewer)
    body = client.get("/pipelines/releases/?project=orders").content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in body
    assert 'href="https://a.test/" rel="noopener noreferrer nofollow"' in body
    assert "upcoming" in text_of(client, "/pipelines/releases/")
    found = client.get(f"/api/v1/releases/{row.pk}/").json()
    assert (found["tag"], found["upcoming"]) == ("v1", True)
    assert client.get("/api/v1/releases/?project=orders").json()["results"][0]["id"] == row.pk
    assert client_of(here.people.stranger).get(f"/api/v1/releases/{row.pk}/").status_code == 404
