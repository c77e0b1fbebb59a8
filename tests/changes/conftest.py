from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from idp.changes import kinds, services
from idp.changes.models import Change
from rbac import permissions
from rbac.actors import Actor
from rbac.models import Role
from rbac.permissions import Permission
from tests.changes.fake import FakeKind, World
from tests.rbac.factories import Characters, bind, make_characters

VERB = "thing.apply"
Propose = Callable[..., Change]


@pytest.fixture(autouse=True)
def _verb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A permission of an app that only the tests have."""
    for name in ("thing.view", VERB):
        monkeypatch.setitem(permissions._registry, name, Permission(name, name, app="tests"))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    kind = FakeKind()
    monkeypatch.setitem(kinds._kinds, kind.name, kind)
    return kind.world


@pytest.fixture
def people(db: None) -> Characters:
    return make_people()


def make_people() -> Characters:
    """The standing characters; everybody but the stranger may do the tests' own verb."""
    found = make_characters()
    role = Role.objects.create(name="applier", permissions=["thing.view", VERB])
    for user in found.everyone.values():
        if user != found.stranger:
            bind(role.name, found.scope, user=user)
    return found


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def mia(people: Characters) -> Actor:
    return Actor(people.maintainer)


@pytest.fixture
def propose(world: World, people: Characters) -> Iterator[Propose]:
    """Propose a change of the fake kind, by dana in development unless told otherwise."""

    def make(**given: Any) -> Change:
        things = given.pop("things", ["a", "b", "c"])
        defaults: dict[str, Any] = {
            "kind": "test.fake",
            "verb": VERB,
            "scope": people.tier("development"),
            "title": "make things",
            "intent": {"things": things},
            "origin": Change.Origin.PAGE,
            "interactive": False,
        }
        actor = given.pop("actor", Actor(people.developer))
        return services.propose(actor, **{**defaults, **given})

    return make
