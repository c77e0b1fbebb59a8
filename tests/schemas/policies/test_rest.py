"""Policies by REST: made, looked at beforehand, changed, refused, removed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from rbac.actors import Actor
from schemas.policies.models import SchemaPolicy
from schemas.policies.sweeping import sweep
from tests.rbac.factories import Characters
from tests.schemas.factories import V1, register
from tests.schemas.policies.making import PII, enforce, make
from tests.schemas.policies.test_registering import tagged
from tests.schemas.test_api import Rest

pytestmark = pytest.mark.django_db
LIST = "/api/v1/schema-policies/"
BODY = {"name": "docs", "scope": "orders", "mode": "enforce", "rules": {"require": ["docs"]}}


@pytest.fixture
def mia(people: Characters) -> Rest:
    return Rest(people.maintainer)


@pytest.fixture
def dana(people: Characters) -> Rest:
    return Rest(people.developer)


def test_a_policy_lives(mia: Rest, dana: Rest, people: Characters) -> None:
    subject = register(Actor(people.developer), "orders-value", V1)
    seen = mia.send("POST", f"{LIST}preview/", BODY)
    assert seen.status_code == 200, seen.content
    assert seen.json()["sentence"] == "1 of 1 subject would fail."
    assert seen.json()["shown"][0]["failures"] == [
        "orders-value has no docs, which policy docs asks for."
    ]
    assert not SchemaPolicy.objects.exists()
    made = mia.send("POST", LIST, BODY)
    assert made.status_code == 201, made.content
    assert made.json()["sentences"] == ["Docs must be said of a subject."]
    sweep()
    found = dana.send("GET", LIST).json()["results"]
    assert [(one["name"], one["failing"]) for one in found] == [("docs", 1)]
    failures = dana.send("GET", f"{LIST}docs/failures/").json()["results"]
    assert [(one["subject"], one["rule"]) for one in failures] == [("orders-value", "require")]
    listed = dana.send("GET", "/api/v1/subjects/?fails=docs").json()["results"]
    assert [one["subject"] for one in listed] == ["orders-value"]
    assert dana.send("GET", "/api/v1/subjects/?fails=other").json()["results"] == []
    about = dana.send("GET", f"/api/v1/subjects/{subject.pk}/policies/").json()
    assert [(one["policy"], one["mode"]) for one in about["policies"]] == [("docs", "enforce")]
    refused = dana.send("POST", f"/api/v1/subjects/{subject.pk}/versions/", {"schema": tagged()})
    assert refused.status_code in {409, 422}
    gone = mia.send("DELETE", f"{LIST}docs/", if_match=made["ETag"])
    assert gone.status_code == 204


def test_a_refusal_is_a_problem_with_field_rule_and_fix(dana: Rest, people: Characters) -> None:
    enforce(people, formats=["PROTOBUF"])
    body = {"subject": "new-value", "schema": V1, "format": "AVRO", "project": "orders"}
    answer = dana.send("POST", "/api/v1/subjects/", body)
    assert answer.status_code == 422, answer.content
    problem = answer.json()
    assert problem["code"] == "policy"
    assert problem["errors"] == [
        {
            "field": "schemaType",
            "rule": "policy rules",
            "message": "new-value is AVRO; policy rules takes PROTOBUF.",
            "fix": "Write it as PROTOBUF.",
        }
    ]


def test_changing_asks_for_the_version_that_was_seen(mia: Rest, people: Characters) -> None:
    make(people, "docs", scope=people.project.scope, rules=BODY["rules"])
    first = mia.send("GET", f"{LIST}docs/")["ETag"]
    changed = mia.send("PATCH", f"{LIST}docs/", {"mode": "off"}, if_match=first)
    assert changed.status_code == 200
    assert changed.json()["revision"] == 2
    again = mia.send("PATCH", f"{LIST}docs/", {"mode": "warn"}, if_match=first)
    assert again.status_code == 412
    preview = mia.send("POST", f"{LIST}docs/preview/", {"rules": {"formats": ["JSON"]}})
    assert preview.json()["sentence"] == "It is about no subject that is there now."
    assert SchemaPolicy.objects.get().rules == BODY["rules"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": "moon"}, "scope"),
        ({"rules": {"require": ["luck"]}}, "rules.require.0"),
        ({"rules": [[]] * 100}, "rules"),
        ({"team": "nobody"}, "team"),
        ({"tier": "moon"}, "tier"),
        ({"mode": "shout"}, "mode"),
        ({"name": "No Name"}, "name"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_input_is_named(mia: Rest, change: dict[str, object], field: str) -> None:
    for path in (LIST, f"{LIST}preview/"):
        answer = mia.send("POST", path, {**BODY, **change})
        if (path, field) == (f"{LIST}preview/", "name"):
            continue  # a preview needs no name that can be kept
        assert answer.status_code == 422, answer.content
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert not SchemaPolicy.objects.exists()


def test_who_may_not(dana: Rest, people: Characters) -> None:
    make(people, "docs", scope=people.project.scope, rules=BODY["rules"])
    assert dana.send("POST", LIST, BODY).status_code == 403
    assert dana.send("POST", f"{LIST}preview/", BODY).status_code == 403
    assert dana.send("PATCH", f"{LIST}docs/", {"mode": "off"}).status_code == 403
    stranger = Rest(people.stranger)
    assert stranger.send("GET", f"{LIST}docs/").status_code == 404
    assert stranger.send("GET", LIST).status_code in {200, 403}


def test_leave_for_a_tag_is_asked_for_by_rest(dana: Rest, people: Characters) -> None:
    enforce(people, "pii", field_tags=[PII])
    subject = register(Actor(people.developer), "orders-value", tagged("PII"))
    about = dana.send("GET", f"/api/v1/subjects/{subject.pk}/policies/").json()
    assert about["tagged"] == [{"path": "Order.mail", "tag": "PII", "policy": "pii"}]
    path = f"/api/v1/subjects/{subject.pk}/tag-removals/"
    ends = (timezone.now() + timedelta(days=1)).isoformat()
    body = {"path": "Order.mail", "tag": "PII", "reason": "Hashed.", "ends_at": ends}
    wrong = dana.send("POST", path, {**body, "path": "Order.id"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "path")
    asked = dana.send("POST", path, body)
    assert asked.status_code == 201, asked.content
    assert dana.send("POST", path, body).status_code == 409
    own = dana.send("POST", f"/api/v1/waivers/{asked.json()['id']}/grant/")
    assert own.status_code == 403
    granted = Rest(people.maintainer).send("POST", f"/api/v1/waivers/{asked.json()['id']}/grant/")
    assert granted.status_code == 200, granted.content
    versions = f"/api/v1/subjects/{subject.pk}/versions/"
    assert dana.send("POST", versions, {"schema": tagged()}).status_code == 201


def test_a_check_says_what_policies_would_refuse(dana: Rest, people: Characters) -> None:
    subject = register(Actor(people.developer), "orders-value", tagged("PII"))
    enforce(people, "pii", field_tags=[PII])
    path = f"/api/v1/subjects/{subject.pk}/check/"
    found = dana.send("POST", path, {"schema": tagged(), "format": "AVRO"}).json()
    assert (found["taken"], found["compatible"]) == (False, True)
    assert [(one["policy"], one["rule"]) for one in found["refused"]] == [("pii", "field_tags")]
    assert "would lose its tag PII" in found["refused"][0]["sentence"]
    fine = dana.send("POST", path, {"schema": tagged("PII"), "format": "AVRO"}).json()
    assert (fine["taken"], fine["refused"]) == (True, [])


def test_any_failure_narrows_the_list(dana: Rest, people: Characters) -> None:
    actor = Actor(people.developer)
    for name in ("a-value", "b-value"):
        register(actor, name, V1)
    make(people, "any", mode="warn", rules={"subject_name": {"pattern": "^a", "example": "a"}})
    sweep()
    for wanted in ("1", "any"):
        rows = dana.send("GET", f"/api/v1/subjects/?fails={wanted}").json()["results"]
        assert [one["subject"] for one in rows] == ["b-value"]
    assert dana.send("GET", "/api/v1/subjects/?fails=none").json()["results"] == []
