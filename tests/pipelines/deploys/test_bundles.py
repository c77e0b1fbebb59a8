"""Bundles: what they hold, that they never change, and what is refused by field."""

from __future__ import annotations

from typing import Any

import pytest

from idp.common.errors import Forbidden, Invalid, NotVisible
from pipelines.deploys import services
from pipelines.deploys.models import Bundle
from rbac.actors import Actor
from tests.pipelines.deploys.conftest import DIGEST, Places, image


def test_equal_content_of_a_commit_is_one_bundle(places: Places) -> None:
    first = places.bundle()
    assert places.bundle() == first
    assert (first.sha, first.number, first.protected) == (places.sha, 1, True)
    assert first.author == "Dana"
    assert places.bundle("2.0.1").number == 2
    places.world.commit("build: {script: [echo, again]}")
    assert places.bundle().number == 3
    assert Bundle.objects.count() == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"images": {}}, "images"),
        ({"images": {"web": "registry.example.com/orders:1"}}, "images.web"),
        ({"images": {"web": f"x@{DIGEST}; rm -rf /"}}, "images.web"),
        ({"images": {"We b": image()}}, "images.We b"),
        ({"images": {f"w{n}": image() for n in range(51)}}, "images"),
        ({"variables": {"web": {"1A": "x"}}}, "variables.web"),
        ({"variables": {"web": {"A": "a\0"}}}, "variables.web.A"),
        ({"variables": {"web": "A"}}, "variables.web"),
        ({"migrations": {"main": 1}}, "migrations.main"),
        ({"migrations": {"orders/main": 0}}, "migrations.orders/main"),
        ({"schemas": {"produces": [{}]}}, "schemas.produces.0"),
    ],
)
def test_bad_content_names_the_field(places: Places, given: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        places.bundle(**given)
    assert caught.value.errors[0].field.startswith(field)
    assert not Bundle.objects.exists()


def test_an_unknown_reference_is_named(places: Places) -> None:
    with pytest.raises(Invalid) as caught:
        services.make_bundle(
            places.dana, places.world.project, {"images": {"web": image()}}, ref="no/such;thing"
        )
    assert caught.value.errors[0].field == "ref"


def test_who_may_not_run_pipelines_makes_none(places: Places) -> None:
    given = {"images": {"web": image()}}
    with pytest.raises(Forbidden):
        services.make_bundle(Actor(places.world.people.viewer), places.world.project, given)
    with pytest.raises((Forbidden, NotVisible)):
        services.make_bundle(Actor(places.world.people.stranger), places.world.project, given)
