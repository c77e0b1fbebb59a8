"""Bundles, promotions and deployments by REST."""

from __future__ import annotations

from typing import Any

from django.test import Client

from pipelines.deploys.models import Bundle, Deployment
from rbac.models import User
from tests.pipelines.deploys.conftest import Places, image

BUNDLES = "/api/v1/bundles/"


def post(user: User, path: str, body: Any, **headers: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(path, body, content_type="application/json", headers=headers)


def get(user: User, path: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.get(path)


def test_the_story(places: Places) -> None:
    people = places.world.people
    development = places.make("development")
    body = {"project": places.world.project.name, "images": {"web": image()}}
    made = post(people.developer, BUNDLES, body)
    assert made.status_code == 201, made.content
    path = made.headers["Location"]
    assert get(people.viewer, path).json()["images"] == {"web": image()}
    key = {"Idempotency-Key": "k-1"}
    asked = {"environment": "development", "confirm": False}
    first = post(people.developer, f"{path}promote/", asked, **key)
    assert first.status_code == 202, first.content
    again = post(people.developer, f"{path}promote/", asked, **key)
    assert again.json()["id"] == first.json()["id"]
    other = post(people.developer, f"{path}promote/", {"environment": "staging"}, **key)
    assert other.status_code == 422
    (row,) = get(people.viewer, "/api/v1/deployments/?tier=development").json()["results"]
    assert (row["environment"], row["bundle"], row["commit"]) == (development.name, 1, places.sha)
    assert row["change"] == first.json()["id"]


def test_what_is_refused(places: Places) -> None:
    people = places.world.people
    places.make("development")
    body = {"project": places.world.project.name, "images": {"web": "orders:latest"}}
    wrong = post(people.developer, BUNDLES, body)
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "images.web")
    wrong = post(people.developer, BUNDLES, {**body, "imags": {}})
    assert wrong.json()["errors"][0]["field"] == "imags"
    right = {**body, "images": {"web": image()}}
    assert post(people.viewer, BUNDLES, right).status_code == 403
    assert post(people.stranger, BUNDLES, right).status_code == 422
    assert not Bundle.objects.exists()
    bundle = places.bundle()
    path = f"{BUNDLES}{bundle.pk}/promote/"
    wrong = post(people.developer, path, {"environment": "moon"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "environment")
    assert post(people.viewer, path, {"environment": "development"}).status_code == 403
    assert post(people.stranger, path, {"environment": "development"}).status_code == 404
    assert get(people.stranger, f"{BUNDLES}{bundle.pk}/").status_code == 404
    assert not Deployment.objects.exists()
