from __future__ import annotations

import pytest

from gitops import targets
from gitops.models import CloudAccount, Cluster
from rbac.actors import Actor
from tests.environments.factories import make_account, make_cluster
from tests.rbac.factories import Characters, make_characters


@pytest.fixture(autouse=True)
def _quick_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated cluster rolls out at once; its pace is proved by its own tests."""
    targets._targets.clear()
    monkeypatch.setattr("gitops.backends.memory.pods.READY_AFTER", 0.0)
    monkeypatch.setattr("gitops.backends.memory.play.ADDRESS_AFTER", 0.0)


@pytest.fixture
def people(db: None) -> Characters:
    return make_characters()


@pytest.fixture
def cluster(db: None) -> Cluster:
    return make_cluster()


@pytest.fixture
def account(db: None, moto_server: str) -> CloudAccount:
    """An account at the local moto server."""
    return make_account(endpoint=moto_server)


@pytest.fixture
def dana(people: Characters, cluster: Cluster) -> Actor:
    return Actor(people.developer)
