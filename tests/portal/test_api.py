from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from idp.common import host
from portal.models import Component
from tests.portal.factories import ComponentFactory
from tests.portal.test_catalog import ORDERS
from tests.rbac.factories import Characters

LIST = "/api/v1/components/"
NEW = {"project": "orders", "name": "orders-api", "owner": "orders", "lifecycle": "production"}


def send(client: Client, method: str, path: str, data: Any = None, **headers: str) -> Any:
    call = getattr(client, method)
    return call(path, data=data, content_type="application/json", headers=headers)


def test_a_component_is_made_read_changed_and_removed(as_dana: Client) -> None:
    made = send(as_dana, "post", LIST, {**NEW, "links": [{"url": "https://example.org"}]})
    assert made.status_code == 201
    assert made["Location"] == f"{LIST}orders-api/"
    read = as_dana.get(made["Location"])
    assert read.json()["links"] == [{"url": "https://example.org", "title": ""}]
    assert read["ETag"] == made["ETag"]
    changed = send(as_dana, "patch", made["Location"], {"title": "Orders"}, If_Match=read["ETag"])
    assert (changed.status_code, changed.json()["title"]) == (200, "Orders")
    assert changed["ETag"] != read["ETag"]
    assert as_dana.delete(made["Location"]).status_code == 204
    assert not Component.objects.exists()


def test_a_version_that_is_not_the_last_is_refused(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    path = f"{LIST}orders-api/"
    seen = as_dana.get(path)["ETag"]
    send(as_dana, "patch", path, {"title": "First"}, If_Match=seen)
    late = send(as_dana, "patch", path, {"title": "Second"}, If_Match=seen)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": "Bad Name"}, 422, "name"),
        ({"name": "new"}, 422, "name"),
        ({"owner": "nobody"}, 422, "owner"),
        ({"links": [{"url": "javascript:x"}]}, 422, "links.0.url"),
        ({"tags": "python"}, 422, "tags"),
        ({"tags": ["a b"]}, 422, "tags.0"),
        ({"lifecycle": "dead"}, 422, "lifecycle"),
        ({"description": "x" * 5000}, 422, "description"),
    ],
)
def test_wrong_input_names_field_rule_and_fix(
    as_dana: Client, change: dict[str, Any], status: int, field: str
) -> None:
    answer = send(as_dana, "post", LIST, {**NEW, **change})
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_a_project_that_one_does_not_see_does_not_exist(as_stranger: Client) -> None:
    assert send(as_stranger, "post", LIST, NEW).status_code == 404


def test_a_viewer_reads_and_may_not_write(as_viewer: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    assert as_viewer.get(LIST).json()["results"][0]["name"] == "orders-api"
    refused = send(as_viewer, "post", LIST, NEW)
    assert refused.status_code == 403
    assert "component.create" in refused.json()["detail"]
    assert send(as_viewer, "patch", f"{LIST}orders-api/", {}).status_code == 403
    assert as_viewer.delete(f"{LIST}orders-api/").status_code == 403


def test_the_list_is_filtered_and_paged_by_key(as_dana: Client, people: Characters) -> None:
    for number in range(5):
        ComponentFactory(name=f"c-{number}", project=people.project)
    ComponentFactory(name="web", project=people.project, type="website")
    first = as_dana.get(f"{LIST}?type=service&page_size=3").json()
    assert [row["name"] for row in first["results"]] == ["c-0", "c-1", "c-2"]
    second = as_dana.get(first["next"]).json()
    assert [row["name"] for row in second["results"]] == ["c-3", "c-4"]
    assert second["next"] is None


def test_a_file_is_imported_by_rest(as_dana: Client) -> None:
    body = {"project": "orders", "text": ORDERS, "location": "orders.git:catalog-info.yaml"}
    answer = send(as_dana, "post", "/api/v1/catalog/import/", body)
    assert answer.status_code == 200
    assert answer.json()["created"] == ["orders-api"]
    broken = send(as_dana, "post", "/api/v1/catalog/import/", {**body, "text": "kind: Component"})
    assert broken.status_code == 422
    assert broken.json()["errors"][0]["field"].startswith("documents.0")


def test_search_and_home_answer_what_one_may_see(as_dana: Client, people: Characters) -> None:
    ComponentFactory(name="orders-api", project=people.project)
    found = as_dana.get("/api/v1/search/?q=orders").json()
    assert found["groups"][0]["hits"][0]["title"] == "orders-api"
    with host.home.holding(*[panel for panel in host.home if panel.name == "mine"]):
        home = as_dana.get("/api/v1/home/").json()
    assert home["headline"] == "Nothing is broken and nothing waits for you."
    assert {"name": "mine", "title": "My components", "count": "1", "headline": ""} in home[
        "panels"
    ]


@pytest.mark.parametrize("path", [LIST, "/api/v1/search/", "/api/v1/home/", f"{LIST}x/"])
def test_nobody_reads_without_signing_in(db: None, client: Client, path: str) -> None:
    assert client.get(path).status_code == 401
