"""Pipelines by REST: what is said, who may, and what is refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.test import Client

from pipelines.runs.models import Pipeline
from rbac.models import User
from tests.pipelines.runs.conftest import World
from tests.pipelines.runs.factories import make_artifact, make_attempt, make_job, make_pipeline

JOB = "job: {script: [echo]}"
LIST = "/api/v1/pipelines/"


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def post(user: User, path: str, body: Any = None, **headers: str) -> Any:
    return client_of(user).post(
        path, body or {}, content_type="application/json", headers=headers or None
    )


def shut(answer: Any) -> None:
    """Close the file behind an answer, without the end of the request."""
    for close in answer._resource_closers:
        close()


def names(answer: Any) -> list[str]:
    return [row["title"] for row in answer.json()["results"]]


def test_the_list_is_narrowed(world: World) -> None:
    dana = world.people.developer
    make_pipeline(world.project, dana, title="One", ref="main", status="success")
    make_pipeline(world.project, dana, title="Two", ref="topic/x", status="failed", source="api")
    make_pipeline(world.project, None, title="Three", status="failed", sha="ab" * 20)
    client = client_of(world.people.viewer)
    assert names(client.get(LIST)) == ["Three", "Two", "One"]
    for query, found in {
        "status=failed": ["Three", "Two"],
        "ref=topic/x": ["Two"],
        "source=api": ["Two"],
        "actor=dana.dev": ["Two", "One"],
        "q=wo": ["Two"],
        "q=%231": ["One"],
        "q=abab": ["Three"],
        "project=absent": [],
    }.items():
        assert names(client.get(f"{LIST}?{query}")) == found, query


def test_a_filter_that_no_pipeline_can_have_is_refused(world: World) -> None:
    client = client_of(world.people.viewer)
    for field, known in {"status": "success", "source": "schedule"}.items():
        answer = client.get(f"{LIST}?{field}=succeeded")
        assert answer.status_code == 422
        error = answer.json()["errors"][0]
        assert (error["field"], error["rule"]) == (field, "choice")
        assert known in error["fix"]


def test_strangers_see_nothing(world: World) -> None:
    pipeline = make_pipeline(world.project)
    job = make_job(pipeline, "build")
    client = client_of(world.people.stranger)
    assert names(client.get(LIST)) == []
    for path in (f"{LIST}{pipeline.pk}/", f"{LIST}{pipeline.pk}/jobs/", f"/api/v1/jobs/{job.pk}/",
                 f"/api/v1/jobs/{job.pk}/log/"):  # fmt: skip
        assert client.get(path).status_code == 404, path
    assert post(world.people.stranger, f"{LIST}{pipeline.pk}/cancel/").status_code == 404


def test_a_viewer_is_told_what_is_missing(world: World) -> None:
    pipeline = make_pipeline(world.project, status="running", finished_at=None)
    answer = post(world.people.viewer, f"{LIST}{pipeline.pk}/cancel/")
    assert (answer.status_code, answer.json()["permission"]) == (403, "pipeline.run")
    body = {"project": "orders", "ref": "main"}
    assert post(world.people.viewer, LIST, body).status_code == 403


def test_it_is_started_once_for_each_key(world: World) -> None:
    world.commit(JOB)
    dana = world.people.developer
    body = {"project": "orders", "ref": "main", "variables": {"DEPLOY": " yes "}}
    first = post(dana, LIST, body, **{"Idempotency-Key": "one"})
    assert first.status_code == 202, first.json()
    assert first["Location"] == first.json()["url"]
    assert first.json()["source"] == "api"
    again = post(dana, LIST, body, **{"Idempotency-Key": "one"})
    assert again.json()["id"] == first.json()["id"]
    assert Pipeline.objects.get().given == '{"DEPLOY": " yes "}'
    other = post(dana, LIST, body | {"variables": {}}, **{"Idempotency-Key": "one"})
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert post(dana, LIST, body).status_code == 202
    assert Pipeline.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"project": "absent"}, "project"),
        ({"ref": "absent"}, "ref"),
        ({"variables": {"not-a-name": "x"}}, "variables"),
        ({"variables": ["x"]}, "variables"),
    ],
)
def test_what_cannot_be_names_its_field(world: World, body: dict[str, Any], field: str) -> None:
    world.commit(JOB)
    answer = post(world.people.developer, LIST, {"project": "orders", "ref": "main"} | body)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"].partition(".")[0] == field


def test_cancel_and_retry(world: World) -> None:
    dana = world.people.developer
    pipeline = world.start(JOB)
    job = world.job(pipeline, "job")
    answer = post(dana, f"{LIST}{pipeline.pk}/cancel/")
    assert (answer.status_code, answer.json()["status"]) == (200, "canceled")
    assert post(dana, f"{LIST}{pipeline.pk}/cancel/").status_code == 409
    assert post(dana, f"{LIST}{pipeline.pk}/retry/").json()["status"] == "running"
    one = post(dana, f"/api/v1/jobs/{job.pk}/cancel/").json()
    assert (one["status"], [each["status"] for each in one["tried"]]) == (
        "canceled",
        ["canceled", "canceled"],
    )
    assert post(dana, f"/api/v1/jobs/{job.pk}/retry/").json()["status"] == "pending"
    assert post(dana, f"/api/v1/jobs/{job.pk}/play/").status_code == 409


def test_jobs_say_why_they_are_there(world: World) -> None:
    pipeline = world.start("build: {stage: build, script: [echo]}\ntest: {script: [echo]}")
    client = client_of(world.people.viewer)
    rows = client.get(f"{LIST}{pipeline.pk}/jobs/").json()["results"]
    assert [(row["name"], row["status"]) for row in rows] == [
        ("build", "pending"),
        ("test", "created"),
    ]
    one = client.get(rows[0]["url"]).json()
    assert one["because"]["where"] == ".gitlab-ci.yml:1"
    assert one["pipeline"] == f"{LIST}{pipeline.pk}/"


def test_the_log_goes_on_from_its_offset(world: World) -> None:
    job = make_job(make_pipeline(world.project), "build")
    make_attempt(job, b"old\n")
    make_attempt(job, b"one\ntwo\n", status="running")
    client = client_of(world.people.viewer)
    path = f"/api/v1/jobs/{job.pk}/log/"
    first = client.get(path)
    assert (first.content, first["Content-Type"]) == (b"one\ntwo\n", "text/plain; charset=utf-8")
    assert (first["Slipway-Log-Offset"], first["Slipway-Log-Complete"]) == ("8", "false")
    assert client.get(f"{path}?offset=4").content == b"two\n"
    old = client.get(f"{path}?attempt=1")
    assert (old.content, old["Slipway-Log-Complete"]) == (b"old\n", "true")
    assert client.get(f"{path}?attempt=9").status_code == 404
    assert client.get(f"{path}?offset=x").json()["errors"][0]["field"] == "offset"


def test_artifacts_hold_their_access(world: World) -> None:
    job = make_job(make_pipeline(world.project), "build")
    attempt = make_attempt(job)
    for kind, access in {"archive": "all", "junit": "developer", "sast": "maintainer",
                         "dotenv": "none"}.items():  # fmt: skip
        make_artifact(attempt, {"app.txt": b"hello"}, kind=kind, access=access)
    people, path = world.people, f"/api/v1/jobs/{job.pk}/artifacts/"
    listed = client_of(people.viewer).get(path).json()
    assert [row["kind"] for row in listed] == ["archive", "dotenv", "junit", "sast"]
    allowed: dict[str, list[str]] = {}
    for person in ("viewer", "developer", "maintainer"):
        for row in listed:
            answer = client_of(getattr(people, person)).get(row["download"])
            if answer.status_code == 200:
                shut(answer)
                allowed.setdefault(person, []).append(row["kind"])
    assert allowed == {
        "viewer": ["archive"],
        "developer": ["archive", "junit"],
        "maintainer": ["archive", "junit", "sast"],
    }
    denied = client_of(people.maintainer).get(f"{path}dotenv/").json()
    assert "access: none" in denied["detail"]
    answer = client_of(people.viewer).get(listed[0]["download"])
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    shut(answer)
    assert answer["Content-Disposition"] == 'attachment; filename="artifacts.zip"'
    assert zipfile.ZipFile(io.BytesIO(body)).namelist() == ["app.txt"]
    assert client_of(people.viewer).get(f"{path}absent/").status_code == 404
