"""Agents by REST: who may, that a token is told once, and what a removal does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from pipelines.fleet import services
from pipelines.fleet.models import Agent
from pipelines.runs.models import Attempt
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from tests.pipelines.fleet.conftest import Caller, World

pytestmark = pytest.mark.django_db
URL = "/api/v1/agents/"


def call(user: User, method: str, url: str, body: Any = None) -> Any:
    client = Client()
    client.force_login(user)
    return client.generic(method, url, "" if body is None else json.dumps(body), "application/json")


def test_one_is_made_read_changed_and_removed(world: World) -> None:
    user = world.people.maintainer
    body = {"name": "builder", "project": "orders", "tags": ["gpu", "gpu"], "slots": 4}
    answer = call(user, "POST", URL, body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert told["token"].startswith("sla_")
    assert (told["tags"], told["state"], told["owner"]) == (["gpu"], "new", user.username)
    one = f"{URL}{told['id']}/"
    assert "token" not in call(user, "GET", one).json()
    assert call(user, "PATCH", one, {"paused": True}).json()["state"] == "paused"
    fresh = call(user, "POST", f"{one}token/").json()["token"]
    assert fresh != told["token"]
    assert [row["name"] for row in call(user, "GET", URL).json()["results"]] == ["builder"]
    assert call(user, "DELETE", one).status_code == 204
    assert not Agent.objects.exists()
    for record in AuditRecord.objects.filter(action__startswith="agent."):
        assert "sla_" not in json.dumps([record.before, record.after])


def test_who_only_sees_pipelines_changes_none(world: World) -> None:
    agent, _ = services.create(Actor(world.people.maintainer), name="one", project=world.project)
    one = f"{URL}{agent.pk}/"
    assert call(world.people.viewer, "GET", one).status_code == 200
    assert call(world.people.viewer, "PATCH", one, {"paused": True}).status_code == 403
    assert call(world.people.viewer, "DELETE", one).status_code == 403
    assert call(world.people.stranger, "GET", one).status_code == 404
    body = {"name": "two", "project": "orders"}
    assert call(world.people.developer, "POST", URL, body).status_code == 403
    assert call(world.people.stranger, "POST", URL, body).status_code in {403, 404}


def test_one_of_all_projects_is_its_owners(world: World) -> None:
    agent, _ = services.create(Actor(world.people.maintainer), name="mine", project=None)
    one = f"{URL}{agent.pk}/"
    assert call(world.people.maintainer, "GET", one).json()["project"] is None
    assert call(world.people.viewer, "GET", one).status_code == 404
    assert call(world.people.administrator, "GET", one).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "No Name"), ("name", "new"), ("tags", ["a b"]), ("tags", ["x" * 200]),
        ("slots", 0), ("slots", 10_000), ("odd", 1), ("project", "nothing"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(world: World, field: str, value: Any) -> None:
    body = {"name": "one", "project": "orders", field: value}
    answer = call(world.people.maintainer, "POST", URL, body)
    assert answer.status_code in {404, 422}
    if answer.status_code == 422:
        assert any(field in error["field"] for error in answer.json()["errors"])


def test_a_cluster_is_attached_by_whoever_manages_clusters(world: World) -> None:
    body = {"name": "pods", "project": "orders", "cluster": "none-such"}
    assert call(world.people.administrator, "POST", URL, body).status_code == 404


def test_a_removal_fails_what_runs_and_the_job_says_so(world: World, settings: Settings) -> None:
    settings.CI_RUNNER_PROJECTS = []
    maintainer = Actor(world.people.maintainer)
    agent, text = services.create(maintainer, name="one", project=world.project)
    pipeline = world.start("job: {script: [echo]}")
    Caller(text).claim()
    services.delete(maintainer, agent.pk)
    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.failure, attempt.agent) == (
        "failed",
        "runner_system_failure",
        None,
    )
    assert world.job(pipeline, "job").reason == "its agent one was removed"


class TestWhyNobody:
    def test_a_project_that_nobody_runs_says_how(self, world: World, settings: Settings) -> None:
        settings.CI_RUNNER_PROJECTS = []
        pipeline = world.start("job: {script: [echo]}")
        reason = world.job(pipeline, "job").reason
        assert "Nothing runs jobs of orders." in reason
        assert "/pipelines/agents/" in reason
        services.create(Actor(world.people.maintainer), name="one", project=world.project)
        assert world.job(pipeline, "job").reason == ""

    def test_the_tags_that_miss_are_those_of_the_nearest(
        self, world: World, settings: Settings
    ) -> None:
        settings.CI_RUNNER_PROJECTS = []
        maintainer = Actor(world.people.maintainer)
        services.create(maintainer, name="one", project=world.project, tags=["gpu"])
        pipeline = world.start("job: {script: [echo], tags: [gpu, big]}")
        assert world.job(pipeline, "job").reason.startswith("No runner has the tags big.")
