"""Environments by REST: what scripts send, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from environments.api.serializers import DeleteIn
from environments.models import Environment, Limit
from gitops.models import Cluster
from idp.changes.models import Change
from rbac.actors import Actor
from rbac.models import User
from tests.environments.factories import IMAGE, bring, create
from tests.rbac.factories import Characters

pytestmark = pytest.mark.django_db
LIST = "/api/v1/environments/"
ONE = "/api/v1/environments/orders/demo/"


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def api(people: Characters, cluster: Cluster) -> APIClient:
    return client_of(people.developer)


def body(**more: Any) -> dict[str, Any]:
    return {
        "project": "orders",
        "name": "demo",
        "tier": "development",
        "cluster": "local",
        "blueprint": "web-service",
        "parameters": {"image": IMAGE},
        **more,
    }


def test_creating_answers_with_the_change(api: APIClient) -> None:
    answer = api.post(LIST, body(), headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 202, answer.json()
    change = Change.objects.get()
    assert answer["Location"] == f"/api/v1/changes/{change.pk}/"
    assert answer.json()["title"] == "Create orders/demo"
    again = api.post(LIST, body(), headers={"Idempotency-Key": "k1"})
    assert again.json()["id"] == change.pk
    assert Change.objects.count() == 1
    found = api.get(ONE).json()
    assert found["state"] == "proposed"
    assert found["blueprint"] == "web-service@1.0.0"
    assert found["simulated"] is True


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": "Not A Name"}, "name"),
        ({"tier": "moon"}, "tier"),
        ({"cluster": "locl"}, "cluster"),
        ({"account": "none"}, "account"),
        ({"blueprint": "web-servic"}, "blueprint"),
        ({"parameters": {"image": IMAGE, "replicas": 99}}, "parameters.replicas"),
        ({"parameters": {"image": IMAGE, "replcas": 1}}, "parameters.replcas"),
        ({"parameters": []}, "parameters"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_request_names_the_field(api: APIClient, more: dict[str, Any], field: str) -> None:
    answer = api.post(LIST, body(**more))
    assert answer.status_code == 422, answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert not Environment.objects.exists()


def test_a_misspelling_gets_the_nearest_word(api: APIClient) -> None:
    problem = api.post(LIST, body(cluster="locl")).json()
    assert problem["errors"][0]["fix"] == "Did you mean “local”?"


def test_a_taken_name_and_a_limit_are_conflicts(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    create(dana, people.project)
    assert api.post(LIST, body()).status_code == 409
    Limit.objects.create(name="few", scope=people.scope, max_environments=1)
    answer = api.post(LIST, body(name="other"))
    assert answer.status_code == 409
    assert "Limit few allows 1 environments and there are 1" in answer.json()["detail"]
    assert api.get("/api/v1/limits/").json()["results"][0]["max_environments"] == 1


def test_who_may_not_see_gets_404_and_who_may_not_act_403(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    assert client_of(people.stranger).get(ONE).status_code == 404
    viewer = client_of(people.viewer)
    assert viewer.get(ONE).status_code == 200
    answer = viewer.post(f"{ONE}scale/", {"replicas": 2})
    assert answer.status_code == 403
    assert "environment.scale" in answer.json()["detail"]
    assert viewer.delete(ONE).status_code == 403
    assert APIClient().get(LIST).status_code == 401


def test_an_environment_has_an_etag_that_guards_it(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    answer = api.get(ONE)
    tag = answer["ETag"]
    assert tag == f'"{answer.json()["etag"]}"'
    assert "kind: Environment" in answer.json()["yaml"]
    assert "environment.scale" in answer.json()["permissions"]
    scale = f"{ONE}scale/"
    stale = api.post(scale, {"replicas": 2}, headers={"If-Match": '"0123"'})
    assert stale.status_code == 412
    good = api.post(scale, {"replicas": 2, "message": "Sale"}, headers={"If-Match": tag})
    assert good.status_code == 202
    assert Change.objects.latest("id").message == "Sale"


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("image", {"image": "a/b:2"}),
        ("variables", {"variables": {"A": "b"}}),
        ("secrets", {"variable": "KEY", "value": "s3cret"}),
        ("restart", {}),
        ("stop", {}),
        ("extend", {"expires_at": "2099-01-01T00:00:00Z"}),
    ],
)
def test_every_action_answers_202(
    api: APIClient, dana: Actor, people: Characters, action: str, data: dict[str, Any]
) -> None:
    bring(dana, people.project)
    answer = api.post(f"{ONE}{action}/", data)
    assert answer.status_code == 202, answer.json()
    assert "s3cret" not in answer.content.decode()
    assert api.post(f"{ONE}start/", {}).status_code == 409
    assert api.post(f"{ONE}{action}/", {"nonsense": 1}).status_code == 422


def test_reading_the_parts(api: APIClient, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    (workload,) = api.get(f"{ONE}workloads/").json()["results"]
    assert (workload["name"], workload["version"], workload["health"]) == (
        "web", "1.4.2", "Healthy",
    )  # fmt: skip
    assert api.get(f"{ONE}resources/").json() == {"results": []}
    assert api.get(f"{ONE}history/").json()["results"][0]["verb"] == "environment.create"
    assert api.get(f"{ONE}logs/?tail=10&workload=web").status_code == 200
    assert api.get(f"{ONE}events/").json()["results"]
    bad = api.get(f"{ONE}logs/?tail=x")
    assert bad.status_code == 422
    assert "from 1 to 2000" in bad.json()["detail"]


def test_deleting_answers_with_the_change(api: APIClient, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    answer = api.delete(ONE, {"message": "Done with it"})
    assert answer.status_code == 202, answer.json()
    assert answer.json()["verb"] == "environment.delete"


def test_only_answers_that_planning_knows_can_be_chosen(
    api: APIClient, dana: Actor, people: Characters
) -> None:
    bring(dana, people.project)
    answer = api.delete(ONE, {"choices": {"aws/Bucket//x": "snapshot"}})
    assert answer.status_code == 422
    assert "snapshot" not in repr(DeleteIn().fields["choices"])


def test_the_list_filters_and_costs_few_queries(
    api: APIClient,
    dana: Actor,
    people: Characters,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for name in ("one", "two", "three"):
        create(dana, people.project, name=name)
    with django_assert_max_num_queries(8):
        found = api.get(LIST).json()["results"]
    assert [row["name"] for row in found] == ["three", "two", "one"]
    assert len(api.get(f"{LIST}?q=two").json()["results"]) == 1
    assert api.get(f"{LIST}?tier=preview").json()["results"] == []
    page = api.get(f"{LIST}?page_size=2").json()
    assert len(page["results"]) == 2
    assert len(api.get(page["next"]).json()["results"]) == 1


def test_blueprints_by_rest(api: APIClient, people: Characters) -> None:
    names = [row["name"] for row in api.get("/api/v1/blueprints/").json()["results"]]
    assert sorted(names) == ["scheduled-job", "web-service", "web-service-aws"]
    schema = api.get("/api/v1/blueprints/web-service/1.0.0/schema/").json()
    assert schema["required"] == ["image"]
    version = api.get("/api/v1/blueprints/web-service/1.0.0/").json()
    assert "documents:" in version["template"]
    new = {
        "version": "1.0.0",
        "schema": {"type": "object", "additionalProperties": False, "properties": {}},
        "template": "documents: []",
        "publish": True,
    }
    url = "/api/v1/blueprints/empty/versions/"
    assert api.post(url, new).status_code == 403
    admin = client_of(people.administrator)
    assert admin.post(url, new).status_code == 201
    assert admin.post(url, new).status_code == 409
    bad = admin.post(url, {**new, "version": "2", "template": "documents: []"})
    assert bad.json()["errors"][0]["field"] == "version"
    bad = admin.post(url, {**new, "version": "1.0.1", "template": "documents: 1"})
    assert bad.status_code == 422
    assert api.get(url).json()["results"][0]["version"] == "1.0.0"
    assert api.get("/api/v1/blueprints/none/versions/").status_code == 404


def test_the_history_is_paged_to_its_end(api: APIClient, dana: Actor, people: Characters) -> None:
    bring(dana, people.project)
    for _ in range(60):
        change = Change.objects.latest("id")
        change.pk, change.idempotency_key = None, ""
        change.save()
    found, address = [], f"{ONE}history/"
    while address:
        page = api.get(address).json()
        found += [row["id"] for row in page["results"]]
        address = page["next"]
    assert found == sorted(Change.objects.values_list("id", flat=True), reverse=True)
    assert len(found) == 61
