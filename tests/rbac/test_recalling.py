"""A token that was seen a moment ago costs one query, and what ends it ends it at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from rbac import recalling
from rbac.access import can
from rbac.actors import Actor
from rbac.models import ApiToken, RoleBinding, User
from rbac.services import create_token, revoke_token, unbind_role
from tests.rbac.factories import Characters, make_characters

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Characters:
    return make_characters()


@pytest.fixture
def token(people: Characters) -> tuple[ApiToken, str]:
    return create_token(
        Actor(people.viewer),
        user=people.viewer,
        name="reader",
        permissions=[],
        scope=None,
        expires_at=timezone.now() + timedelta(hours=1),
    )


def test_it_costs_one_query(
    token: tuple[ApiToken, str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = recalling.actor_behind(token[1], "10.0.0.1")
    with django_assert_num_queries(1):
        again = recalling.actor_behind(token[1], "10.0.0.2")
    assert first is not None
    assert again is not None
    assert (again.user, again.token, again.address) == (first.user, first.token, "10.0.0.2")


def test_a_revoked_one_is_nobody_s(token: tuple[ApiToken, str], people: Characters) -> None:
    assert recalling.actor_behind(token[1], None) is not None
    revoke_token(Actor(people.viewer), token[0])
    assert recalling.actor_behind(token[1], None) is None


def test_nor_one_whose_owner_left(token: tuple[ApiToken, str], people: Characters) -> None:
    assert recalling.actor_behind(token[1], None) is not None
    User.objects.filter(pk=people.viewer.pk).update(is_active=False)
    assert recalling.actor_behind(token[1], None) is None


def test_nor_one_past_its_end(token: tuple[ApiToken, str]) -> None:
    assert recalling.actor_behind(token[1], None) is not None
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        assert recalling.actor_behind(token[1], None) is None


def test_a_role_that_was_taken_is_gone_on_the_next_call(
    token: tuple[ApiToken, str], people: Characters
) -> None:
    actor = recalling.actor_behind(token[1], None)
    assert actor is not None
    assert can(actor, "project.view", people.project)
    unbind_role(Actor(people.administrator), RoleBinding.objects.get(user=people.viewer))
    actor = recalling.actor_behind(token[1], None)
    assert actor is not None
    assert not can(actor, "project.view", people.project)


@pytest.mark.parametrize("text", ["", "x", "slp_", "slp_aaaaaaaaaaaa_short", "slp_\ud800_x"])
def test_what_is_no_token_is_nobody_s(text: str) -> None:
    assert recalling.actor_behind(text, None) is None
