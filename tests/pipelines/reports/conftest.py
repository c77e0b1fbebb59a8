from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.reports.models import Report
from portal.models import Component
from rbac.actors import Actor
from tests.pipelines.reports import making
from tests.rbac.factories import Characters, make_characters


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


@pytest.fixture
def component(people: Characters) -> Component:
    return Component.objects.create(
        name="orders-api", project=people.project, owner=people.project.team
    )


@pytest.fixture
def send(people: Characters) -> Callable[..., Report]:
    """Upload a text as the project's developer."""

    def sent(text: str, *args: Any, **more: Any) -> Report:
        return making.upload(Actor(people.developer), people.project, text, *args, **more)

    return sent
