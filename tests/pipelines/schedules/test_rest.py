"""Schedules by REST: who may, what is told to whom, and the same refusals as on the page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from pipelines.schedules.models import Schedule
from rbac.actors import Actor
from rbac.models import User
from tests.pipelines.schedules.conftest import Make, World

pytestmark = pytest.mark.django_db
URL = "/api/v1/pipeline-schedules/"
BODY = {
    "project": "orders",
    "description": "Nightly",
    "cron": "0 3 * * 1-5",
    "timezone": "Europe/Berlin",
    "ref": "main",
    "variables": {"SUITE": "full"},
}


def call(user: User, method: str, url: str, body: Any = None, **headers: str) -> Any:
    client = Client()
    client.force_login(user)
    text = "" if body is None else json.dumps(body)
    return client.generic(method, url, text, "application/json", headers=headers)


def test_one_is_made_read_changed_and_deleted(world: World) -> None:
    world.commit("job: {script: [x]}")
    user = world.people.developer
    answer = call(user, "POST", URL, BODY)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    one = answer["Location"]
    assert one == told["url"] == f"{URL}{told['id']}/"
    assert told["page"] == f"/pipelines/schedules/{told['id']}/"
    assert (told["owner"], told["active"], told["problem"]) == ("dana.dev", True, "")
    assert told["timing"] == "At 03:00 on Monday through Friday"
    assert len(told["next_runs"]) == 5
    assert all(("T03:00:00+0" in moment) for moment in told["next_runs"])
    assert told["variables"] == {"SUITE": "full"}
    changed = call(user, "PATCH", one, {"active": False, "variables": {}}).json()
    assert (changed["active"], changed["next_run_at"], changed["variables"]) == (False, None, {})
    assert len(changed["next_runs"]) == 5
    assert call(user, "DELETE", one).status_code == 204
    assert not Schedule.objects.exists()


def test_a_list_is_narrowed_and_holds_no_values(make: Make, world: World) -> None:
    make(variables={"SUITE": "s3cr3t"})
    make(description="Weekly", active=False)
    answer = call(world.people.viewer, "GET", URL)
    assert b"s3cr3t" not in answer.content
    assert [row["description"] for row in answer.json()["results"]] == ["Weekly", "Nightly"]
    for query, names in (
        ("project=orders&active=on", ["Nightly"]),
        ("active=off", ["Weekly"]),
        ("project=absent", []),
    ):
        rows = call(world.people.viewer, "GET", f"{URL}?{query}").json()["results"]
        assert [row["description"] for row in rows] == names
    assert call(world.people.stranger, "GET", URL).json()["results"] == []


def test_values_are_told_to_whoever_changes_it(make: Make, world: World) -> None:
    one = f"{URL}{make(variables={'SUITE': 'full'}).pk}/"
    for name, value in (
        ("developer", "full"), ("maintainer", "full"), ("mate", None), ("viewer", None),
    ):  # fmt: skip
        told = call(getattr(world.people, name), "GET", one).json()
        assert told["variables"] == {"SUITE": value}
    assert call(world.people.stranger, "GET", one).status_code == 404


def test_it_is_run_and_taken_over(make: Make, world: World) -> None:
    one = f"{URL}{make().pk}/"
    mate = world.people.mate
    first = call(mate, "POST", f"{one}run/", **{"Idempotency-Key": "k"})
    assert first.status_code == 202, first.content
    assert first.json()["source"] == "schedule"
    assert first["Location"] == first.json()["url"]
    again = call(mate, "POST", f"{one}run/", **{"Idempotency-Key": "k"})
    assert again.json()["id"] == first.json()["id"]
    assert call(mate, "GET", one).json()["last_pipeline"]["id"] == first.json()["id"]
    assert call(mate, "POST", f"{one}take-ownership/").json()["owner"] == "mate.dev"
    for act in ("run", "take-ownership"):
        assert call(world.people.viewer, "POST", f"{one}{act}/").status_code == 403
        assert call(world.people.stranger, "POST", f"{one}{act}/").status_code == 404


def test_who_does_not_own_it_does_not_change_it(make: Make, world: World) -> None:
    one = f"{URL}{make().pk}/"
    for method, body in (("PATCH", {"odd": 1}), ("DELETE", None)):
        for name, status in (("mate", 403), ("viewer", 403), ("stranger", 404)):
            assert call(getattr(world.people, name), method, one, body).status_code == status
    assert call(world.people.maintainer, "DELETE", one).status_code == 204


def test_who_may_not_run_pipelines_makes_none(world: World) -> None:
    assert call(world.people.viewer, "POST", URL, BODY).status_code == 403
    assert call(world.people.stranger, "POST", URL, BODY).status_code in {403, 422}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", "absent"), ("description", ""), ("cron", "* * * * *"), ("cron", "x" * 101),
        ("timezone", "Moon"), ("ref", "absent"), ("ref", ""), ("variables", {"1": "x"}),
        ("variables", {"A": "x\0"}), ("variables", ["A"]), ("odd", 1), ("active", "perhaps"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_with_its_fix(world: World, field: str, value: Any) -> None:
    world.commit("job: {script: [x]}")
    answer = call(world.people.developer, "POST", URL, {**BODY, field: value})
    assert answer.status_code == 422, answer.content
    assert field in {one["field"].partition(".")[0] for one in answer.json()["errors"]}
    assert not Schedule.objects.exists()


def test_a_change_is_judged_the_same(make: Make, world: World) -> None:
    one = f"{URL}{make(Actor(world.people.mate)).pk}/"
    answer = call(world.people.mate, "PATCH", one, {"cron": "1,2 3 * * *", "timezone": ""})
    fields = [(found["field"], found.get("rule")) for found in answer.json()["errors"]]
    assert answer.status_code == 422
    assert "timezone" in dict(fields)
    answer = call(world.people.mate, "PATCH", one, {"cron": "1,2 3 * * *"})
    (found,) = answer.json()["errors"]
    assert (found["field"], found["rule"]) == ("cron", "floor")
    assert "1 minute apart" in found["message"]
    assert found["fix"]
