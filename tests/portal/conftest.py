from __future__ import annotations

import pytest
from django.test import Client

from rbac.actors import Actor
from tests.rbac.factories import Characters, make_characters


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


@pytest.fixture
def dana(people: Characters) -> Actor:
    """A developer of team orders."""
    return Actor(user=people.developer)


@pytest.fixture
def stranger(people: Characters) -> Actor:
    return Actor(user=people.stranger)


@pytest.fixture
def as_dana(people: Characters) -> Client:
    client = Client()
    client.force_login(people.developer)
    return client


@pytest.fixture
def as_viewer(people: Characters) -> Client:
    client = Client()
    client.force_login(people.viewer)
    return client


@pytest.fixture
def as_stranger(people: Characters) -> Client:
    client = Client()
    client.force_login(people.stranger)
    return client
