"""REST of changes, the inbox, freezes, waivers and rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from idp.changes import services
from idp.changes.models import ApprovalRule, Change, Freeze
from rbac.actors import Actor
from rbac.models import User
from rbac.scopes import environment_scope
from tests.changes.conftest import Propose
from tests.changes.fake import World
from tests.rbac.factories import Characters
from tests.support.changes import run_until_settled

State = Change.State
pytestmark = pytest.mark.django_db


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def dana_api(people: Characters) -> APIClient:
    return client_of(people.developer)


@pytest.fixture
def mia_api(people: Characters) -> APIClient:
    return client_of(people.maintainer)


def get(client: APIClient, path: str, status: int = 200) -> Any:
    response = client.get(f"/api/v1/{path}")
    assert response.status_code == status, response.content
    return response.json()


def post(client: APIClient, path: str, body: Any = None, status: int = 202) -> Any:
    response = client.post(f"/api/v1/{path}", body or {}, format="json")
    assert response.status_code == status, response.content
    return response.json()


def test_the_list_is_filtered_and_paged_by_cursor(
    propose: Propose, dana_api: APIClient, people: Characters
) -> None:
    first = run_until_settled(propose(title="one"))
    second = propose(title="two", scope=people.tier("staging"), interactive=True)
    found = get(dana_api, "changes/")
    assert [c["id"] for c in found["results"]] == [second.pk, first.pk]
    assert found["results"][1]["url"] == f"/api/v1/changes/{first.pk}/"
    assert found["results"][1]["scope"] == "orders/development"
    assert found["results"][1]["tier"] == "development"
    for query, wanted in (
        ("state=succeeded", [first.pk]),
        ("state=succeeded&state=planning", [second.pk, first.pk]),
        ("open=true", [second.pk]),
        ("project=orders&tier=staging", [second.pk]),
        ("project=payments", []),
        ("environment=staging", []),
        ("actor=dana.dev&verb=thing.apply&origin=page", [second.pk, first.pk]),
        ("q=ON", [first.pk]),
    ):
        assert [c["id"] for c in get(dana_api, f"changes/?{query}")["results"]] == wanted, query
    page = get(dana_api, "changes/?page_size=1")
    assert len(page["results"]) == 1
    assert page["next"]
    assert dana_api.get(page["next"]).json()["results"][0]["id"] == first.pk
    assert get(dana_api, "changes/?state=bogus", 422)["errors"][0]["field"].startswith("state")


def test_the_number_of_queries_does_not_grow_with_the_list(
    propose: Propose, dana_api: APIClient, django_assert_max_num_queries: Any
) -> None:
    for _ in range(30):
        propose(things=[])
    get(dana_api, "changes/")
    with django_assert_max_num_queries(6):
        assert len(get(dana_api, "changes/")["results"]) == 30


def test_strangers_get_404_and_nobody_401(propose: Propose, people: Characters) -> None:
    change = propose()
    stranger = client_of(people.stranger)
    assert get(stranger, "changes/")["results"] == []
    for path in ("", "plan/", "events/"):
        get(stranger, f"changes/{change.pk}/{path}", 404)
    for verb in ("confirm", "cancel", "replan", "approve", "reject"):
        body = {"plan_hash": "x", "comment": "x"}
        post(stranger, f"changes/{change.pk}/{verb}/", body, 404)
    assert APIClient().get("/api/v1/changes/").status_code == 401
    get(stranger, "changes/9" + "9" * 25 + "/", 404)


def test_a_change_from_plan_to_end(propose: Propose, dana_api: APIClient, world: World) -> None:
    change = propose(interactive=True)
    assert "There is no plan yet" in get(dana_api, f"changes/{change.pk}/plan/", 404)["detail"]
    run_until_settled(change)
    plan = get(dana_api, f"changes/{change.pk}/plan/")
    assert plan["counts"]["create"] == 3
    assert plan["plan"]["actions"][0]["name"] == "a"
    body = get(dana_api, f"changes/{change.pk}/")
    assert body["allowed"] == {
        "confirm": True,
        "replan": True,
        "cancel": True,
        "approve": False,
    }
    assert post(dana_api, f"changes/{change.pk}/confirm/", {"plan_hash": "x"}, 412)["code"] == (
        "precondition_failed"
    )
    response = dana_api.post(
        f"/api/v1/changes/{change.pk}/confirm/", {"plan_hash": plan["plan_hash"]}, format="json"
    )
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/changes/{change.pk}/"
    assert response.json()["state"] == "waiting"
    run_until_settled(change)
    body = get(dana_api, f"changes/{change.pk}/")
    assert body["state"] == "succeeded"
    assert [s["state"] for s in body["steps"]] == ["done"] * 3
    assert body["confirmed_by"] == "dana.dev"
    conflict = post(
        dana_api, f"changes/{change.pk}/confirm/", {"plan_hash": plan["plan_hash"]}, 409
    )
    assert conflict["code"] == "stale_state"


def test_losses_that_nobody_decided_are_named_by_field(
    propose: Propose, dana_api: APIClient, world: World
) -> None:
    world.loss = True
    change = run_until_settled(propose(interactive=True, things=["a"]))
    path = f"changes/{change.pk}/confirm/"
    body = post(dana_api, path, {"plan_hash": change.plan_hash}, 422)
    assert body["errors"][0] == {
        "field": "choices.memory/Thing//a",
        "rule": "loss",
        "message": "Thing a: a would be gone",
        "fix": "Choose retain or purge.",
    }
    choices = {"memory/Thing//a": "purge"}
    post(dana_api, path, {"plan_hash": change.plan_hash, "choices": choices})


def test_events_are_read_on_from_a_number(propose: Propose, dana_api: APIClient) -> None:
    change = run_until_settled(propose())
    page = get(dana_api, f"changes/{change.pk}/events/?limit=2")
    assert [e["number"] for e in page["results"]] == [1, 2]
    assert page["stream"] == f"/events/?topic=change:{change.pk}"
    rest = dana_api.get(page["next"].replace("limit=2", "limit=500")).json()
    assert rest["results"][0]["number"] == 3
    assert rest["next"] is None
    body = get(dana_api, f"changes/{change.pk}/events/?since=abc", 422)
    assert body["errors"][0]["field"] == "since"


def test_approving_and_rejecting(
    propose: Propose, people: Characters, dana_api: APIClient, mia_api: APIClient
) -> None:
    ApprovalRule.objects.create(name="two-eyes", scope=people.scope)
    change = run_until_settled(propose())
    assert [c["id"] for c in get(mia_api, "inbox/")["changes"]] == [change.pk]
    assert get(dana_api, "inbox/") == {"changes": [], "waivers": []}
    path, body = f"changes/{change.pk}/approve/", {"plan_hash": change.plan_hash}
    denied = post(dana_api, path, body, 403)
    assert "change.approve" in denied["detail"]
    answer = post(mia_api, path, {**body, "comment": "fine"})
    assert answer["approvals"][0]["approver"] == "mia.maintainer"
    assert run_until_settled(change).state == State.SUCCEEDED
    other = run_until_settled(propose(title="other", things=["z"]))
    path, body = f"changes/{other.pk}/reject/", {"plan_hash": other.plan_hash}
    assert post(mia_api, path, body, 422)["errors"][0]["field"] == "comment"
    assert post(mia_api, path, {**body, "comment": "no"})["state"] == "refused"


def test_cancel_and_replan(propose: Propose, dana_api: APIClient, people: Characters) -> None:
    change = run_until_settled(propose(interactive=True))
    assert post(dana_api, f"changes/{change.pk}/replan/")["state"] == "planning"
    post(client_of(people.viewer), f"changes/{change.pk}/cancel/", status=403)
    assert post(dana_api, f"changes/{change.pk}/cancel/")["state"] == "cancelled"
    post(dana_api, f"changes/{change.pk}/cancel/", status=409)


def test_freezes(mia_api: APIClient, dana_api: APIClient, people: Characters) -> None:
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"scope": "orders/production", "reason": "release", "ends_at": until}
    post(dana_api, "freezes/", body, 403)
    made = post(mia_api, "freezes/", body, 201)
    assert made["scope"] == "orders/production"
    wrong = post(mia_api, "freezes/", {**body, "scope": "orders/nowhere"}, 422)
    assert wrong["errors"][0]["field"] == "scope"
    post(mia_api, "freezes/", {**body, "scope": "everything"}, 403)  # hers is orders
    assert [f["id"] for f in get(dana_api, "freezes/")["results"]] == [made["id"]]
    post(dana_api, f"freezes/{made['id']}/lift/", status=403)
    assert post(mia_api, f"freezes/{made['id']}/lift/", status=200)["lifted_by"] == "mia.maintainer"


def test_a_tier_is_not_shadowed_by_an_environment_of_its_name(
    mia_api: APIClient, people: Characters
) -> None:
    environment = environment_scope(people.project, "development", "production")
    end = (timezone.now() + timedelta(days=1)).isoformat()
    body = {"scope": "orders/production", "reason": "x", "ends_at": end}
    post(mia_api, "freezes/", body, 201)
    assert Freeze.objects.get().scope == people.tier("production")
    post(mia_api, "freezes/", {**body, "scope": "orders/development/production"}, 201)
    assert Freeze.objects.filter(scope=environment).exists()


def test_waivers(
    propose: Propose, mia_api: APIClient, dana_api: APIClient, people: Characters
) -> None:
    services.freeze(Actor(people.administrator), people.scope, "release week")
    change = run_until_settled(propose())
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"change": change.pk, "gate": "freeze", "reason": "hotfix", "ends_at": until}
    made = post(dana_api, "waivers/", body, 201)
    assert made["author"] == "dana.dev"
    post(dana_api, f"waivers/{made['id']}/grant/", status=403)
    assert [w["id"] for w in get(mia_api, "inbox/")["waivers"]] == [made["id"]]
    assert post(mia_api, f"waivers/{made['id']}/grant/", status=200)["approver"] == "mia.maintainer"
    assert run_until_settled(change).state == State.SUCCEEDED
    assert post(mia_api, f"waivers/{made['id']}/revoke/", status=200)["revoked_at"]
    post(dana_api, "waivers/", {**body, "change": None, "scope": "nowhere"}, 422)
    assert get(dana_api, "waivers/")["results"][0]["gate"] == "freeze"


def test_approval_rules(mia_api: APIClient, dana_api: APIClient) -> None:
    body = {"name": "prod", "scope": "orders/production", "condition": "deletes > 0", "needed": 2}
    assert post(mia_api, "approval-rules/", body, 201)["needed"] == 2
    post(mia_api, "approval-rules/", body, 409)
    post(dana_api, "approval-rules/", {**body, "name": "mine"}, 403)
    wrong = post(mia_api, "approval-rules/", {**body, "name": "x", "condition": "boom("}, 422)
    assert wrong["errors"][0]["field"] == "condition"
    assert get(dana_api, "approval-rules/prod/")["condition"] == "deletes > 0"
    url = "/api/v1/approval-rules/prod/"
    assert mia_api.patch(url, {"needed": 1}, format="json").json()["needed"] == 1
    assert dana_api.patch(url, {"needed": 3}, format="json").status_code == 403
    assert dana_api.delete(url).status_code == 403
    assert mia_api.delete(url).status_code == 204
    get(mia_api, "approval-rules/prod/", 404)
