"""The subject's tab that says who is where, in words and drawn."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from rbac.actors import Actor
from rbac.models import User
from schemas.addresses import page_of
from schemas.dependants import graph, impact
from tests.schemas.dependants.world import DROPPED, EVOLVED, FULL, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import html, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def dana(recorded: Tier) -> User:
    assert recorded.dana.user is not None
    return recorded.dana.user


@pytest.fixture
def client(dana: User) -> Client:
    return signed_in(dana)


def tab(client: Client, recorded: Tier) -> str:
    return html(client, f"{page_of(recorded.subject)}?tab=dependants")


def test_each_has_place_version_source_and_verdict(client: Client, recorded: Tier) -> None:
    register(recorded.dana, NAME, EVOLVED)
    page = tab(client, recorded)
    for name in ("orders", "billing", "shipping"):
        assert f"{name}-api" in page
        assert f"{name}/stage" in page
    assert page.count(">Gets on<") == 3
    assert page.count('class="is-ok"') == 3
    assert "2 read it" in page


def test_who_breaks_is_told_and_drawn(client: Client, recorded: Tier) -> None:
    register(recorded.dana, NAME, DROPPED)
    page = tab(client, recorded)
    assert "2 of those who use it do not get on with version 2." in page
    assert page.count(">Breaks<") == page.count('class="is-removed"') == 2
    assert "could not read what version 2 writes" in page


def test_nobody_yet_says_how_they_become_known(client: Client, dana: User) -> None:
    subject = register(Actor(dana), "lonely-value", FULL)
    page = html(client, f"{page_of(subject)}?tab=dependants")
    assert "Nobody is known to use it" in page
    assert "check-in" in page


def test_the_picture_carries_no_markup_of_names(recorded: Tier) -> None:
    effects = list(impact.standing_of(recorded.dana, recorded.subject).effects)
    object.__setattr__(effects[0].party, "holder", '<script>"&\x00')
    svg = graph.drawn(effects)
    assert "<script" not in svg
    assert "&lt;script&gt;&quot;&amp; " in svg
    assert "style=" not in svg
    assert graph.drawn([]) == ""


def test_it_needs_few_queries(
    client: Client, recorded: Tier, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    tab(client, recorded)
    with django_assert_max_num_queries(16):
        tab(client, recorded)
