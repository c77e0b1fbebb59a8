"""The gate through plans of real environments over the simulated cluster."""

from __future__ import annotations

from typing import Any

import pytest

from environments import services
from environments.models import Environment
from idp.changes.models import Change
from rbac.actors import Actor
from schemas.dependants.models import DeployedVersion
from tests.environments.factories import settle
from tests.schemas.dependants.world import DROPPED, NAME, Tier
from tests.schemas.factories import register

pytestmark = pytest.mark.django_db


def produce(actor: Actor, environment: Environment, version: int) -> Change:
    change = services.set_schemas(
        actor, environment, produces=[{"subject": NAME, "version": version}], consumes=[]
    )
    return settle(actor, change)


def gate(change: Change) -> dict[str, Any]:
    (found,) = [one for one in change.gates if one["gate"] == "schemas"]
    return dict(found)


def drop(tier: Tier) -> None:
    """Register a version that breaks its readers, as a subject's owner may."""
    tier.subject.level = "NONE"
    tier.subject.save(update_fields=["level"])
    register(tier.dana, NAME, DROPPED)


def test_what_is_deployed_is_recorded(tier: Tier) -> None:
    rows = DeployedVersion.objects.filter(ended_at=None).order_by("scope", "holder")
    assert [(str(r.scope), r.role, r.holder, r.version.number, r.revision) for r in rows] == [
        ("orders/stage", "producer", "orders-api", 1, "1.4.2"),
        ("billing/stage", "consumer", "billing-api", 1, "1.4.2"),
        ("shipping/stage", "consumer", "shipping-api", 1, "1.4.2"),
    ]


def test_a_dropped_field_closes_the_gate(tier: Tier) -> None:
    drop(tier)
    change = produce(tier.dana, tier.orders, 2)
    assert change.state == Change.State.WAITING
    found = gate(change)
    assert found["outcome"] == "refuse"
