"""A subject's state of life at the gate: who uses it goes on, new uses end with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from environments import services
from idp.changes.models import Change
from rbac.actors import Actor
from schemas.dependants import promotion
from schemas.dependants.promotion import Named, Question
from schemas.models import Subject
from tests.environments.factories import settle
from tests.rbac.factories import Characters
from tests.schemas.dependants.test_gate import add, gate, produce
from tests.schemas.dependants.world import EVOLVED, FULL, NAME, Side, Tier
from tests.schemas.factories import register

pytestmark = pytest.mark.django_db
State = Subject.State
OTHER = "payments-value"


def lives(name: str, state: str, days: int | None = None) -> None:
    ends = None if days is None else timezone.now().date() + timedelta(days=days)
    Subject.objects.filter(name=name).update(state=state, sunset_on=ends, contact="#payments")


def begin(at: Side) -> Change:
    """Use another subject besides the one that is used already."""
    wanted = {
        "produces": [{"subject": NAME, "version": 1}],
        "consumes": [{"subject": OTHER, "version": 1}],
    }
    return settle(at.actor, services.set_schemas(at.actor, at.environment, **wanted))


@pytest.fixture
def other(tier: Tier) -> None:
    register(tier.dana, OTHER, FULL.replace("Order", "Payment"))


@pytest.mark.parametrize(
    ("state", "days", "said"),
    [
        (State.RETIRED, None, "orders-api reads payments-value, which is retired"),
        (State.SUNSET, -1, "which ended on"),
        (State.DRAFT, None, "which is a draft and stays out of staging"),
    ],
)
def test_a_new_use_is_refused_with_whom_to_ask(
    tier: Tier, other: None, state: str, days: int | None, said: str
) -> None:
    lives(OTHER, state, days)
    change = begin(tier.orders)
    assert change.state == Change.State.WAITING
    found = gate(change)
    assert found["outcome"] == "refuse"
    assert said in found["sentence"]
    assert "team orders (#payments)" in found["sentence"]
    assert "may be used there" in found["lift"]


@pytest.mark.parametrize(
    ("state", "days", "said"),
    [
        (State.SUNSET, 0, "payments-value ends on"),
        (State.SUNSET, 30, "payments-value ends on"),
        (State.DEPRECATED, None, "payments-value is deprecated."),
        (State.ACTIVE, None, ""),
    ],
)
def test_until_then_it_passes_and_is_told(
    tier: Tier, other: None, state: str, days: int | None, said: str
) -> None:
    lives(OTHER, state, days)
    change = begin(tier.orders)
    assert change.state == Change.State.SUCCEEDED
    assert said in gate(change)["sentence"]


def test_who_uses_it_already_goes_on(tier: Tier) -> None:
    """Its next version too: the end is for those who begin."""
    add(tier, EVOLVED)
    lives(NAME, State.SUNSET, -10)
    assert produce(tier.orders, 2).state == Change.State.SUCCEEDED


def test_a_draft_may_be_tried_in_development(people: Characters, recorded: Tier) -> None:
    register(recorded.dana, OTHER, FULL.replace("Order", "Payment"))
    lives(OTHER, State.DRAFT)
    actor, wanted = Actor(people.developer), (Named(OTHER, 1),)
    here = promotion.may_deploy(actor, Question("orders/development", "web", consumes=wanted))
    there = promotion.may_deploy(actor, Question("orders/staging", "web", consumes=wanted))
    assert (here.allowed, there.allowed) == (True, False)
    assert "make it active first" in there.sentence
