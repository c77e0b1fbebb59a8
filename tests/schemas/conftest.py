from __future__ import annotations

import pytest

from gitops import targets
from gitops.models import Cluster
from rbac import audit
from tests.environments.factories import make_cluster
from tests.rbac.factories import Characters, make_characters
from tests.schemas.wire import Wire, token_of


@pytest.fixture(autouse=True)
def no_waiting_denials() -> None:
    """Denials wait for the end of a request, which a test of services does not have."""
    audit._waiting.__dict__.clear()


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


@pytest.fixture
def wire(people: Characters) -> Wire:
    """As the administrator, with a token bound to project `orders`' own kinds of everything."""
    return Wire(token_of(people.administrator))


@pytest.fixture
def developer(people: Characters) -> Wire:
    return Wire(token_of(people.developer))


@pytest.fixture
def cluster(db: None, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A simulated cluster that rolls out at once."""
    targets._targets.clear()
    monkeypatch.setattr("gitops.backends.memory.pods.READY_AFTER", 0.0)
    monkeypatch.setattr("gitops.backends.memory.play.ADDRESS_AFTER", 0.0)
    return make_cluster()
