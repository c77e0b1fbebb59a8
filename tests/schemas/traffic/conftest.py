from __future__ import annotations

import pytest
from pytest_django import Settings

from portal.models import Component
from rbac.actors import Actor
from rbac.models import ApiToken, User
from schemas.models import Subject
from schemas.traffic import noting
from schemas.traffic.noting import Noting
from tests.rbac.factories import Characters, bind
from tests.schemas.dependants.world import FULL, NAME, Tier, make_tier
from tests.schemas.factories import register
from tests.schemas.traffic.world import account, token_for


@pytest.fixture(autouse=True)
def noted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Noting:
    """A buffer of the test's own that only the test empties."""
    settings.SCHEMAS_TRAFFIC_SECONDS = 30
    made = Noting()
    monkeypatch.setattr(made, "start", lambda: None)
    monkeypatch.setattr(noting, "_noting", made)
    return made


@pytest.fixture
def recorded(people: Characters) -> Tier:
    """Written by orders and read by billing and shipping, as rows say."""
    return make_tier(people)


@pytest.fixture
def subject(people: Characters) -> Subject:
    return register(Actor(people.developer), NAME, FULL)


@pytest.fixture
def component(people: Characters) -> Component:
    project = people.project
    return Component.objects.create(name="reports", project=project, owner=project.team)


@pytest.fixture
def program(people: Characters) -> User:
    """The service account `orders.reports`, which sees and registers what the project has."""
    user = account(people.maintainer, people.project, "reports")
    bind("developer", people.project.scope, user=user)
    return user


@pytest.fixture
def token(people: Characters, program: User) -> ApiToken:
    return token_for(Actor(people.maintainer), program, "prod reader")
