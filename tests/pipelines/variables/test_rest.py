"""Variables by REST: who may, what is told, and that a hidden value is never answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from pipelines.variables import services
from pipelines.variables.models import Variable
from rbac.actors import Actor
from rbac.models import User
from tests.rbac.factories import Characters, make_characters, make_project

URL = "/api/v1/projects/orders/variables/"


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


def call(user: User, method: str, url: str, body: Any = None) -> Any:
    client = Client()
    client.force_login(user)
    return client.generic(method, url, "" if body is None else json.dumps(body), "application/json")


def made(people: Characters, **fields: Any) -> Variable:
    given = {"name": "TOKEN", "value": "s3cr3t-token", **fields}
    return services.create(Actor(people.maintainer), people.project, **given)


def test_one_is_made_read_changed_and_deleted(people: Characters) -> None:
    body = {"name": "URL", "value": " https://x ", "environment": "review/*", "protected": True}
    answer = call(people.maintainer, "POST", URL, body)
    assert answer.status_code == 201, answer.content
    told = answer.json()
    assert (told["project"], told["value"], told["changed_by"]) == (
        "orders",
        " https://x ",
        "mia.maintainer",
    )
    one = f"/api/v1/variables/{told['id']}/"
    changed = call(people.maintainer, "PATCH", one, {"protected": False, "description": "Shop"})
    assert (changed.json()["protected"], changed.json()["value"]) == (False, " https://x ")
    assert call(people.maintainer, "GET", one).json()["description"] == "Shop"
    assert call(people.maintainer, "DELETE", one).status_code == 204
    assert not Variable.objects.exists()


def test_a_hidden_value_is_never_answered(people: Characters) -> None:
    body = {"name": "KEY", "value": "s3cr3t-token", "hidden": True}
    posted = call(people.maintainer, "POST", URL, body)
    one = f"/api/v1/variables/{posted.json()['id']}/"
    answers = [
        posted,
        call(people.maintainer, "PATCH", one, {"value": "other-s3cr3t"}),
        call(people.maintainer, "PATCH", one, {"hidden": False}),
        call(people.maintainer, "GET", one),
        call(people.administrator, "GET", URL),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 422, 200, 200]
    assert not any(b"s3cr3t" in answer.content for answer in answers)
    assert answers[3].json()["value"] is None
    assert Variable.objects.get().value == "other-s3cr3t"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "A-B", "value": "x"}, "name"),
        ({"name": "A", "value": "x", "environment": "pro;d"}, "environment"),
        ({"name": "A", "value": "short", "masked": True}, "masked"),
        ({"name": "A"}, "value"),
        ({"name": "A", "value": "x", "secret": True}, "secret"),
    ],
)
def test_a_refusal_is_a_problem_that_names_the_field(
    people: Characters, body: dict[str, Any], field: str
) -> None:
    answer = call(people.maintainer, "POST", URL, body)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert not Variable.objects.exists()


def test_the_same_again_is_a_clash(people: Characters) -> None:
    made(people)
    answer = call(people.maintainer, "POST", URL, {"name": "TOKEN", "value": "x"})
    assert answer.status_code == 409


def test_the_list_goes_by_cursor_and_holds_one_project(people: Characters) -> None:
    for number in range(3):
        made(people, name=f"V{number}")
    other = make_project("payments")
    Variable.objects.create(project=other, name="FOREIGN", value="x")
    first = call(people.maintainer, "GET", f"{URL}?page_size=2").json()
    assert [one["name"] for one in first["results"]] == ["V0", "V1"]
    rest = call(people.maintainer, "GET", first["next"]).json()
    assert [one["name"] for one in rest["results"]] == ["V2"]
    assert rest["next"] is None


def test_who_does_not_manage_reads_nothing(people: Characters) -> None:
    one = f"/api/v1/variables/{made(people).pk}/"
    for user, listed in ((people.developer, 403), (people.viewer, 403), (people.stranger, 404)):
        assert call(user, "GET", URL).status_code == listed
        assert call(user, "POST", URL, {"name": "A", "value": "b"}).status_code == listed
        for method in ("GET", "PATCH", "DELETE"):
            assert call(user, method, one, {"value": "b"}).status_code == listed
    assert Variable.objects.get().value == "s3cr3t-token"


def test_the_admin_site_shows_no_value(people: Characters) -> None:
    row = made(people)
    people.administrator.is_staff = True
    people.administrator.save()
    shown = call(people.administrator, "GET", f"/admin/pipelines/variable/{row.pk}/change/")
    assert shown.status_code == 200
    assert b"TOKEN" in shown.content
    assert b"s3cr3t-token" not in shown.content
    assert call(people.administrator, "GET", "/admin/pipelines/variable/add/").status_code == 403
