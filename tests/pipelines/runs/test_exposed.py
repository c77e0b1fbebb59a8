"""`artifacts:expose_as`: links on the page of the pipeline and of its merge request."""

from __future__ import annotations

import re
from datetime import timedelta

from django.utils import timezone

from pipelines.runs import exposed
from pipelines.runs.models import Pipeline
from pipelines.runs.views.requests import of_request
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_artifact, make_attempt, make_job, make_pipeline
from tests.pipelines.runs.test_own_requests import opened, push
from tests.pipelines.runs.test_pages import client_of

FILE = """
one: {script: [x], artifacts: {paths: [out/r.txt], expose_as: Report}}
all: {script: [x], artifacts: {paths: [out/, more], expose_as: 'All <b>of</b> it'}}
plain: {script: [x], artifacts: {paths: [out]}}
"""


def left(pipeline: Pipeline, name: str, path: str, **values: object) -> None:
    job = make_job(pipeline, name, exposed_as=name.title(), exposed_path=path)
    make_artifact(make_attempt(job), {"out/r.txt": b"r"}, **values)


def test_the_plan_says_what_is_exposed(world: World) -> None:
    pipeline = world.start(FILE)
    rows = pipeline.jobs.order_by("position").values_list("exposed_as", "exposed_path")
    assert list(rows) == [("Report", "out/r.txt"), ("All <b>of</b> it", ""), ("", "")]
    client = client_of(world.people.viewer)
    answer = client.get(f"/api/v1/jobs/{world.job(pipeline, 'one').pk}/").json()
    assert answer["exposed_as"] == "Report"
    assert pipeline.not_run == []


def test_the_page_links_a_file_a_folder_or_the_archive(world: World) -> None:
    pipeline = make_pipeline(world.project)
    left(pipeline, "file", "out/r.txt")
    left(pipeline, "folder", "out/")
    left(pipeline, "glob", "out/*.txt")
    left(pipeline, "bare", "out")
    client = client_of(world.people.viewer)
    body = client.get(f"/pipelines/{pipeline.pk}/").content.decode()
    links = re.findall(r'href="([^"]*artifacts/archive[^"]*)"', body)
    assert [link.partition("archive/")[2] for link in links] == [
        "file/?attempt=1&amp;path=out%2Fr.txt", "?attempt=1&amp;folder=out", "?attempt=1",
        "?attempt=1",
    ]  # fmt: skip
    for link in links:
        answer = client.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert answer.getvalue()


def test_what_is_gone_or_closed_to_the_reader_is_not_linked(world: World) -> None:
    pipeline = make_pipeline(world.project)
    left(pipeline, "old", "", expires_at=timezone.now() - timedelta(seconds=1))
    left(pipeline, "none", "", access="none")
    left(pipeline, "dev", "", access="developer")
    left(pipeline, "keeper", "", access="maintainer")
    make_job(pipeline, "unrun", exposed_as="Unrun")

    def names(actor: Actor) -> list[str]:
        return [one.name for one in exposed.of_pipeline(actor, pipeline)]

    assert names(Actor(world.people.viewer)) == []
    assert names(world.developer) == ["Dev"]
    assert names(Actor(world.people.administrator)) == ["Dev", "Keeper"]


def test_the_newest_attempt_is_linked_of_ten_jobs_at_most(world: World) -> None:
    pipeline = make_pipeline(world.project)
    for number in range(12):
        left(pipeline, f"job{number}", "")
    make_artifact(make_attempt(pipeline.jobs.get(name="job0")), {"a": b"a"})
    found = exposed.of_pipeline(world.developer, pipeline)
    assert len(found) == 10
    assert found[0].url.endswith("?attempt=2")


def test_the_merge_request_has_the_links_of_its_heads_pipeline(world: World) -> None:
    push(world, world.developer, "a__txt", "1\n")
    request = opened(world)
    assert of_request(world.developer, request)["exposed"] == []
    pipeline = make_pipeline(
        world.project, ref="topic", sha=request.sha, head_sha=request.sha, merge_request=request,
        source=Pipeline.Source.MERGE_REQUEST,
    )  # fmt: skip
    left(pipeline, "site", "out/")
    path = f"/repositories/{world.project.name}/merge-requests/{request.number}/"
    body = client_of(world.people.developer).get(path).content.decode()
    assert "Exposed artifacts" in body
    assert ">Site</a>" in body
