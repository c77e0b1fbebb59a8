from __future__ import annotations

import pytest

from gitops import targets
from gitops.models import Cluster
from tests.environments.factories import make_cluster
from tests.rbac.factories import Characters
from tests.schemas.dependants.world import Tier, make_tier


@pytest.fixture
def cluster(db: None, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A simulated cluster that rolls out at once."""
    targets._targets.clear()
    monkeypatch.setattr("gitops.backends.memory.pods.READY_AFTER", 0.0)
    monkeypatch.setattr("gitops.backends.memory.play.ADDRESS_AFTER", 0.0)
    return make_cluster()


@pytest.fixture
def recorded(people: Characters) -> Tier:
    """Nothing runs: rows alone say who is where."""
    return make_tier(people)


@pytest.fixture
def tier(people: Characters, cluster: Cluster) -> Tier:
    """The environment of orders runs."""
    return make_tier(people, "orders")


@pytest.fixture
def readers(people: Characters, cluster: Cluster) -> Tier:
    """The environment of billing runs."""
    return make_tier(people, "billing")
