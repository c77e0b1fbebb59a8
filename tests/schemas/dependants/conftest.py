from __future__ import annotations

import pytest

from gitops.models import Cluster
from tests.rbac.factories import Characters
from tests.schemas.dependants.world import Tier, make_tier


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
