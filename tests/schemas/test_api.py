from __future__ import annotations

import json
from base64 import b64encode
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.renderers import JSONRenderer

from rbac.actors import Actor
from rbac.models import User
from schemas import naming, services
from schemas.api.serializers import SubjectRow
from schemas.formats.base import FormatName
from schemas.models import Subject
from schemas.parsing import Reference
from tests.rbac.factories import Characters
from tests.schemas.factories import BROKEN, V1, V2, record, register

LIST = "/api/v1/subjects/"
DEEP = 100_000


class Rest:
    """A signed-in person's JSON."""

    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer: Any = self.client.generic(
            method,
            path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        return answer

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == status, answer.content
        return answer.json()

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = self.send("POST", path, body)
        assert answer.status_code == status, answer.content
        return json.loads(answer.content)


@pytest.fixture
def actor(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def dana(people: Characters) -> Rest:
    return Rest(people.developer)


@pytest.fixture
def orders(actor: Actor) -> Subject:
    return register(actor, "shop/orders-value", V1, V2)


@pytest.fixture
def path(orders: Subject) -> str:
    return f"{LIST}{orders.pk}/"


# -- reading ------------------------------------------------------------------------------------


def test_a_subject_says_what_holds_and_who_says_so(dana: Rest, orders: Subject, path: str) -> None:
    found = dana.get(path)
    assert found["subject"] == "shop/orders-value"
    assert found["page"] == f"/schemas/{orders.pk}-shoporders-value/"
    assert found["level"] == {"value": "BACKWARD", "by": "by default"}
    assert found["next_lifecycles"] == ["deprecated"]
    assert found["latest_version"] == 2
    assert dana.client.get(path)["ETag"]


def test_the_list_goes_by_cursor_and_filters(dana: Rest, actor: Actor, orders: Subject) -> None:
    names = [f"s{at}" for at in range(5)]
    for name in names:
        register(actor, name, V1)
    first = dana.get(f"{LIST}?page_size=4")
    assert len(first["results"]) == 4
    rest = dana.get(first["next"])
    both = [row["name"] for row in first["results"] + rest["results"]]
    assert both == [*names[::-1], "shop/orders-value"]
    assert [r["name"] for r in dana.get(f"{LIST}?name=shop/orders-value")["results"]] == [both[-1]]
    assert dana.get(f"{LIST}?type=JSON")["results"] == []
    with CaptureQueriesContext(connection) as captured:
        dana.get(LIST)
    assert len(captured) <= 5


def test_a_row_of_the_list_says_what_its_serializer_says(
    dana: Rest, actor: Actor, orders: Subject
) -> None:
    services.describe_subject(actor, orders, tags=["pii"], contact="#orders", component="api")
    services.move_subject(actor, orders, Subject.State.DEPRECATED)
    services.move_subject(actor, orders, Subject.State.SUNSET, sunset_on=date(2999, 1, 2))
    register(actor, ":.ctx:payments", V1)
    rows = Subject.objects.filter(latest__gt=0).order_by("-id")
    assert dana.get(LIST)["results"] == json.loads(
        JSONRenderer().render(SubjectRow(rows, many=True).data)
    )


@pytest.mark.parametrize("position", ["x", "9" * 30, "", "--1"])
def test_a_cursor_that_is_not_ours_is_not_found(dana: Rest, position: str) -> None:
    dana.get(f"{LIST}?cursor={b64encode(f'p={position}'.encode()).decode()}", 404)


def test_versions_are_listed_and_shown(dana: Rest, path: str) -> None:
    rows = dana.get(f"{path}versions/")["results"]
    assert [row["version"] for row in rows] == [2, 1]
    assert "schema" not in rows[0]
    assert dana.get(f"{path}versions/latest/")["schema"] == dana.get(f"{path}versions/2/")["schema"]
    assert dana.get(f"{path}versions/9/", 404)["code"] == "not_found"
    assert dana.get(f"{path}versions/zero/", 422)["status"] == 422


def test_differences_name_who_is_hurt(dana: Rest, path: str) -> None:
    found = dana.get(f"{path}differences/?from=2&to=1")
    assert found["level"] == "BACKWARD"
    assert [way["asked"] for way in found["directions"]] == [True, False]
    forward = dana.get(f"{path}differences/")
    assert forward["compatible"]
    assert forward["directions"][0]["reader"] == "version 2"
    kinds = {entry["kind"] for way in forward["directions"] for entry in way["differences"]}
    assert kinds
    assert dana.get(f"{path}differences/?from=7", 404)
    assert dana.get(f"{path}differences/?to=x", 422)


def test_an_example_comes_with_code(dana: Rest, path: str) -> None:
    found = dana.get(f"{path}versions/2/example/")
    assert set(found["example"]) == {"id", "amount", "currency"}
    assert 'SUBJECT = "shop/orders-value"' in found["consumer"]


def test_an_example_that_does_not_exist_says_why(dana: Rest, actor: Actor) -> None:
    row = register(actor, "empty", 'syntax = "proto3";', format=FormatName.PROTOBUF)
    found = dana.get(f"{LIST}{row.pk}/versions/1/example/")
    assert found["example"] is None
    assert found["reason"]


# -- judging ------------------------------------------------------------------------------------


def test_a_candidate_is_judged_in_words(dana: Rest, orders: Subject, path: str) -> None:
    found = dana.post(f"{path}check/", {"schema": BROKEN})
    assert not found["compatible"]
    (verdict,) = found["verdicts"]
    assert verdict["version"] == 2
    assert "`customer`" in verdict["objections"][0]["sentence"]
    assert "version 2" in verdict["objections"][0]["sentence"]
    assert dana.post(f"{path}check/", {"schema": V2})["known_as"] == 2
    orders.refresh_from_db()
    assert orders.last_version == 2


def test_references_of_a_candidate_are_found(dana: Rest, actor: Actor, orders: Subject) -> None:
    text = json.dumps(
        {"type": "record", "name": "Basket", "fields": [{"name": "o", "type": "Order"}]}
    )
    uses = (Reference("Order", "shop/orders-value", 2),)
    row = register(actor, "baskets", text, references=uses)
    body = {"schema": text, "references": [{"name": "Order", "subject": "shop/orders-value"}]}
    assert dana.post(f"{LIST}{row.pk}/check/", body)["compatible"]
    absent = {**body, "references": [{"name": "Order", "subject": "absent"}]}
    assert dana.post(f"{LIST}{row.pk}/check/", absent, 422)["code"] == "invalid_schema"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "schema"),
        ({"schema": ""}, "schema"),
        ({"schema": 1, "format": "XML"}, "format"),
        ({"schema": V1, "schemaType": "AVRO"}, "schemaType"),
        ({"schema": V1, "references": [{}]}, "references.0.name"),
        ({"schema": "{"}, ""),
        ({"schema": "[" * DEEP}, ""),
        ({"schema": "\x00"}, "schema"),
        ({"schema": "\ud800"}, "schema"),
        ([], "request"),
    ],
)
def test_a_bad_candidate_is_a_problem_that_names_the_place(
    dana: Rest, path: str, body: Any, field: str
) -> None:
    answer = dana.send("POST", f"{path}check/", body)
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    fields = {error["field"] for error in json.loads(answer.content).get("errors", [])}
    assert not field or field in fields


def test_two_texts_are_compared_under_a_level(dana: Rest, path: str) -> None:
    body = {"old": V1, "new": BROKEN, "level": "FORWARD"}
    assert dana.post(f"{LIST}compare/", body)["compatible"]
    found = dana.post(f"{LIST}compare/", {**body, "level": "FULL"})
    assert not found["compatible"]
    advice = [e["advice"] for w in found["directions"] for e in w["differences"] if e["breaks"]]
    assert any("`customer`" in sentence for sentence in advice)
    wrong = dana.post(f"{LIST}compare/", {"old": V1, "new": "{"}, 422)
    assert wrong["code"] == "invalid_schema"


def test_halves_of_surrogates_break_no_answer(dana: Rest, path: str) -> None:
    half = '{"type": "object", "required": ["\\ud800"]}'
    body = {"old": '{"type": "object"}', "new": half, "format": "JSON"}
    assert dana.post(f"{LIST}compare/", body, 422)["code"] == "invalid_schema"
    avro = {"old": V1, "new": '{"type": "\\ud800"}'}
    assert dana.post(f"{LIST}compare/", avro, 422)["code"] == "invalid_schema"
    records = {"records": [{"id": "\ud800", "\ud800": 1}]}
    answer = dana.send("POST", f"{path}versions/1/check/", records)
    assert answer.status_code in {200, 422}


def test_records_are_checked_with_pointers(dana: Rest, path: str) -> None:
    good, bad = {"id": 1, "amount": 2.5, "currency": "EUR"}, {"id": "x", "amount": 1.0}
    found = dana.post(f"{path}versions/2/check/", {"records": [good, bad]})
    assert [row["valid"] for row in found["results"]] == [True, False]
    assert found["results"][1]["index"] == 1
    assert "/id" in {error["field"] for error in found["results"][1]["errors"]}
    assert not found["valid"]
    assert dana.post(f"{path}versions/2/check/", {"records": [good] * 101}, 422)
    assert dana.post(f"{path}versions/2/check/", {"records": good}, 422)


def test_a_record_that_is_nested_deep_is_refused(dana: Rest, path: str) -> None:
    text = '{"records": [' + "[" * DEEP + "]" * DEEP + "]}"
    answer = dana.client.post(f"{path}versions/2/check/", text, content_type="application/json")
    assert answer.status_code in {400, 422}, answer.content[:200]


# -- changing -----------------------------------------------------------------------------------


def test_describing_asks_for_the_version_that_was_seen(dana: Rest, path: str) -> None:
    tag = dana.client.get(path)["ETag"]
    body = {"docs": "What it means", "tags": ["pii"], "owner": "orders"}
    answer = dana.send("PATCH", path, body, If_Match=tag)
    assert answer.status_code == 200, answer.content
    assert answer["ETag"] != tag
    assert json.loads(answer.content)["tags"] == ["pii"]
    assert dana.send("PATCH", path, {"docs": "late"}, If_Match=tag).status_code == 412
    assert dana.send("PATCH", path, {"owner": "absent"}).status_code == 422
    assert dana.send("PATCH", path, {"name": "other"}).status_code == 422
    assert dana.send("PATCH", path, {}).status_code == 200


def test_a_subject_moves_and_says_where_it_can_go(dana: Rest, path: str) -> None:
    move = f"{path}lifecycle/"
    assert dana.post(move, {"lifecycle": "deprecated"})["lifecycle"] == "deprecated"
    assert dana.post(move, {"lifecycle": "sunset"}, 422)["errors"][0]["field"] == "sunset_on"
    done = dana.post(move, {"lifecycle": "sunset", "sunset_on": "2031-05-01"})
    assert done["sunset_on"] == "2031-05-01"
    assert done["next_lifecycles"] == ["deprecated", "retired"]
    assert "can become" in dana.post(move, {"lifecycle": "draft"}, 409)["detail"]
    assert dana.post(move, {"lifecycle": "sideways"}, 409)


def test_deleting_keeps_what_can_come_back(dana: Rest, actor: Actor, path: str) -> None:
    assert dana.send("DELETE", path, If_Match='"old"').status_code == 412
    assert dana.send("DELETE", path).status_code == 204
    assert dana.get(path)["latest_version"] == 0
    assert dana.get(LIST)["results"] == []
    assert len(dana.get(f"{LIST}?deleted=1")["results"]) == 1
    assert dana.send("DELETE", path).status_code == 404
    register(actor, "shop/orders-value", V1)
    assert dana.get(path)["latest_version"] == 3


@pytest.mark.parametrize(
    ("method", "rest", "permission"),
    [
        ("PATCH", "", "subject.manage"),
        ("POST", "lifecycle/", "subject.manage"),
        ("DELETE", "", "subject.delete"),
    ],
)
def test_a_viewer_is_told_what_is_missing(
    people: Characters, path: str, method: str, rest: str, permission: str
) -> None:
    answer = Rest(people.viewer).send(method, path + rest, {})
    assert answer.status_code == 403
    assert json.loads(answer.content)["permission"] == permission
    assert Rest(people.stranger).send(method, path + rest, {}).status_code == 404


def test_another_context_has_its_own_settings(people: Characters, actor: Actor) -> None:
    row = register(actor, ":.ctx:orders", record(("id", "long")))
    administrator = Actor(people.administrator)
    services.set_settings(administrator, naming.place(":.ctx:"), {"policy": "LENIENT"})
    services.set_mode(administrator, naming.place(":.ctx:"), "READONLY_OVERRIDE")
    found = Rest(people.developer).get(f"{LIST}{row.pk}/")
    assert found["policy"] == {"value": "LENIENT", "by": "set by context .ctx"}
    assert found["mode"] == {"value": "READONLY_OVERRIDE", "by": "set by a place above"}
