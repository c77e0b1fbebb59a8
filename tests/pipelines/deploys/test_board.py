"""The promotion board, a bundle's page, and what would ship."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from pipelines.deploys import board
from pipelines.deploys.shipping import shipment
from rbac.actors import Actor
from rbac.models import User
from tests.pipelines.deploys.conftest import Places, image


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def states(places: Places, actor: Actor) -> dict[int, list[str]]:
    found = board.board(actor, places.world.project)
    return {row.bundle.number: [cell.state for cell in row.cells] for row in found.rows}


def test_each_bundle_has_a_place_in_every_environment(places: Places) -> None:
    development, staging = places.make("development"), places.make("staging")
    first, second = places.bundle("2.0.0"), places.bundle("2.0.1")
    places.healthy(first, development)
    places.healthy(first, staging)
    places.healthy(second, development)
    places.promote(second, staging, places.lead)
    assert states(places, places.lead) == {2: ["live", "coming"], 1: ["was", "live"]}
    found = board.board(places.lead, places.world.project)
    assert [column.behind for column in found.columns] == [0, 1]
    assert not any(column.altered for column in found.columns)
    staging.workloads.update(image="set/by:hand")
    found = board.board(places.lead, places.world.project)
    assert [column.altered for column in found.columns] == [False, True]


def test_what_would_ship_is_commits_and_content(places: Places) -> None:
    development = places.make("development")
    first = places.bundle("2.0.0")
    places.healthy(first, development)
    sha = places.world.commit("build: {script: [echo, next]}")
    second = places.bundle("2.0.1", variables={"web": {"FEATURE": "on"}})
    found = shipment(second, development)
    assert [one.sha for one in found.commits] == [sha]
    assert [(one.what, one.before, one.after) for one in found.differences] == [
        ("image of web", image("2.0.0"), image("2.0.1")),
        ("variable web FEATURE", "", "on"),
    ]
    assert not found.back
    places.healthy(second, development)
    back = shipment(first, development)
    assert back.back
    assert [one.sha for one in back.commits] == [sha]


def test_where_one_may_bring_nothing_it_says_who_can_grant_it(places: Places) -> None:
    development, _ = places.make("development"), places.make("production")
    places.healthy(places.bundle(), development)
    client = client_of(places.world.people.developer)
    page = client.get("/pipelines/board/").content.decode()
    assert "You can bring nothing to production-1" in page
    assert "You can bring nothing to development-1" not in page
    (why,) = re.findall(r'"(/access/why/\?[^"]+)"', page.split('id="board"')[1].split("<footer")[0])
    assert "environment.deploy" in client.get(why.replace("&amp;", "&")).content.decode()


def test_the_pages(places: Places) -> None:
    people = places.world.people
    empty = client_of(people.viewer).get("/pipelines/board/").content.decode()
    assert "No environment to promote to" in empty
    places.make("development")
    assert "No bundles yet" in client_of(people.viewer).get("/pipelines/board/").content.decode()
    bundle = places.bundle()
    for user, may in ((people.developer, True), (people.viewer, False)):
        text = client_of(user).get("/pipelines/board/").content.decode()
        assert ("Promote bundle 1 to development-1" in text) == may
    path = f"/pipelines/board/bundles/{bundle.pk}/"
    assert image() in client_of(people.viewer).get(path).content.decode()
    asked = f"{path}promote/?to=development-1"
    assert "You can’t deploy there" in client_of(people.viewer).get(asked).content.decode()
    page = client_of(people.developer).get(asked)
    assert "Image of web" in page.content.decode()
    assert client_of(people.developer).get(page.context["page"].api).status_code == 200
    answer = client_of(people.developer).post(
        f"{path}promote/", {"environment": "development-1", "once": "k"}
    )
    change = bundle.deployments.get().change
    assert answer.headers["Location"] == f"/changes/{change.pk}/plan/"
    twice = client_of(people.developer).post(
        f"{path}promote/", {"environment": "development-1", "once": "other"}
    )
    assert twice.status_code == 409
    assert "on its way" in twice.content.decode()


@pytest.mark.parametrize("path", ["/pipelines/board/?project=orders", "/pipelines/board/"])
def test_a_stranger_sees_nothing(places: Places, path: str) -> None:
    places.bundle()
    answer = client_of(places.world.people.stranger).get(path)
    assert "Bundle" not in answer.content.decode() or answer.status_code == 404
