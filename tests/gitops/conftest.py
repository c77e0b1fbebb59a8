from __future__ import annotations

import pytest
from pytest_django import Settings

from gitops import renderers, targets
from gitops.models import Application
from rbac import permissions
from rbac.actors import Actor
from rbac.models import Role
from rbac.permissions import Permission
from tests.gitops.factories import make_application
from tests.gitops.fake import WORLDS, FakeRenderer, World, world
from tests.rbac.factories import Characters, bind, make_characters


@pytest.fixture(autouse=True)
def _fakes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    WORLDS.clear()
    targets._targets.clear()
    settings.GITOPS_TARGETS = {
        "kubernetes": "tests.gitops.fake.FakeCluster",
        "memory": "tests.gitops.fake.FakeCluster",
        "aws": "tests.gitops.fake.FakeTarget",
    }
    monkeypatch.setitem(renderers._renderers, "fake.yaml", FakeRenderer())
    for name in ("thing.view", "thing.apply", "environment.push", "environment.delete"):
        if permissions.get(name) is None:
            monkeypatch.setitem(permissions._registry, name, Permission(name, name, app="tests"))


@pytest.fixture
def people(db: None) -> Characters:
    found = make_characters()
    verbs = ["thing.view", "thing.apply", "environment.push", "environment.delete"]
    role = Role.objects.create(name="applier", permissions=verbs)
    bind(role.name, found.scope, user=found.developer)
    return found


@pytest.fixture
def dana(people: Characters) -> Actor:
    return Actor(people.developer)


@pytest.fixture
def app(people: Characters) -> Application:
    return make_application(people.project)


@pytest.fixture
def cluster(app: Application) -> World:
    return world("local")


@pytest.fixture
def cloud(app: Application) -> World:
    return world("aws")
