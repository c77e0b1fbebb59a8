"""A person's compiled query follows every grant, revocation and end."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from idp.common.compiled import Compiled, compile_rows
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project, RoleBinding, User
from rbac.services import create_token, unbind_role
from rbac.standing_queries import StandingQuery
from tests.rbac.factories import Characters, bind, make_characters

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> Characters:
    return make_characters()


class Counted:
    """The projects that an actor sees, and how often that was compiled."""

    def __init__(self) -> None:
        self.built = 0
        self.query = StandingQuery(self._build)

    def _build(self, actor: Actor) -> Compiled:
        self.built += 1
        rows = visible(actor, "project.view", Project.objects.order_by("name"))
        return compile_rows(rows.values_list("name"), [])

    def names(self, actor: Actor) -> list[str]:
        return [name for (name,) in self.query.of(actor).rows()]


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_it_is_compiled_once_while_nothing_changes(people: Characters) -> None:
    counted = Counted()
    for _ in range(3):
        assert counted.names(Actor(fresh(people.viewer))) == ["orders"]
    assert counted.built == 1
    assert counted.names(Actor(fresh(people.stranger))) == []
    assert counted.built == 2


def test_a_grant_and_its_end_by_hand_hold_at_once(people: Characters) -> None:
    counted, stranger = Counted(), people.stranger
    assert counted.names(Actor(fresh(stranger))) == []
    binding = bind("viewer", people.scope, user=stranger)
    assert counted.names(Actor(fresh(stranger))) == ["orders"]
    unbind_role(Actor(people.administrator), RoleBinding.objects.get(pk=binding.pk))
    assert counted.names(Actor(fresh(stranger))) == []


def test_a_grant_that_ends_by_itself_ends_here_too(people: Characters) -> None:
    counted, stranger, now = Counted(), people.stranger, timezone.now()
    bind("viewer", people.scope, user=stranger, ends_at=now + timedelta(minutes=5))
    assert counted.names(Actor(fresh(stranger))) == ["orders"]
    with time_machine.travel(now + timedelta(minutes=6), tick=False):
        assert counted.names(Actor(fresh(stranger))) == []


def test_a_token_has_a_query_of_its_own(people: Characters) -> None:
    counted, user, now = Counted(), people.viewer, timezone.now()
    token, _ = create_token(
        Actor(user),
        user=user,
        name="narrow",
        permissions=["subject.view"],
        scope=None,
        expires_at=now + timedelta(days=1),
    )
    assert counted.names(Actor(fresh(user))) == ["orders"]
    assert counted.names(Actor(fresh(user), token)) == []
    with time_machine.travel(now + timedelta(days=2), tick=False):
        assert counted.names(Actor(fresh(user), token)) == []


def test_nobody_s_is_never_kept() -> None:
    counted = Counted()
    for _ in range(2):
        assert counted.names(Actor(user=None)) == []
    assert counted.built == 2


def test_each_form_is_compiled_for_itself(people: Characters) -> None:
    def ordered(actor: Actor, order: str) -> Compiled:
        rows = visible(actor, "project.view", Project.objects.order_by(order))
        return compile_rows(rows.values_list(order), [])

    query, actor = StandingQuery(ordered), Actor(fresh(people.viewer))
    assert query.of(actor, "name").rows() == [("orders",)]
    assert query.of(actor, "title").rows() == [(people.project.title,)]
    assert query.of(actor, "name").rows() == [("orders",)]
