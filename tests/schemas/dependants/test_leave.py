"""Owners of what breaks agree to just that break, at their own place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from idp.changes import selectors
from idp.changes import services as changes
from idp.changes.models import Change, Waiver
from rbac.actors import Actor
from rbac.models import AuditRecord
from schemas.addresses import page_of
from tests.rbac.factories import Characters, bind
from tests.schemas.dependants.test_gate import add, gate, present, produce, waiver
from tests.schemas.dependants.world import DROPPED, FULL, NAME, Side, Tier, deploy
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
State = Change.State
HOLDERS = ("billing-api", "shipping-api")


def ask(actor: Actor, change: Change, **given: Any) -> list[Waiver]:
    ends_at = timezone.now() + timedelta(hours=4)
    words = {"gate": "schemas", "reason": "Nobody needs the amount.", "ends_at": ends_at}
    return changes.ask_leave(actor, change, **{**words, **given})


def agreed(author: Actor, owner: Actor, at: Side, what: str) -> Waiver:
    """What stands once the owners of a reader agreed."""
    assert author.user is not None
    now = timezone.now()
    return Waiver.objects.create(
        scope=at.scope,
        gate="schemas",
        about=f"{what} → {at.project.name}-api",
        reason="Nobody needs the amount.",
        author=author.user,
        approver=owner.user,
        approved_at=now,
        ends_at=now + timedelta(hours=4),
    )


@pytest.fixture
def lead(tier: Tier, people: Characters) -> Actor:
    """Somebody who may agree for shipping."""
    bind("maintainer", tier.shipping.project.scope, user=people.maintainer)
    return Actor(people.maintainer)


@pytest.fixture
def refused(tier: Tier, lead: Actor) -> Change:
    add(tier, DROPPED)
    change = produce(tier.orders, 2)
    assert change.state == State.WAITING
    return change


def test_the_story_until_the_owners_agree(tier: Tier, refused: Change, lead: Actor) -> None:
    asked = ask(tier.dana, refused)
    assert [(w.scope.label, w.about) for w in asked] == [
        (f"{name.removesuffix('-api')}/stage", f"orders-value version 2 → {name}")
        for name in HOLDERS
    ]
    assert asked[0].told.startswith(
        "billing-api of team billing in billing/stage (version 1) cannot read data of orders-value,"
        " version 2, from orders-api: "
    )
    assert asked[0].url == f"{page_of(tier.subject)}?tab=differences&from=1&to=2"
    assert list(selectors.inbox_waivers(Actor(tier.owner))) == [asked[0]]
    changes.grant_waiver(Actor(tier.owner), asked[0])
    change = run_until_settled(refused)
    assert change.state == State.WAITING, "shipping has not agreed"
    assert "would break 1 consumer in staging: shipping-api" in gate(change)["sentence"]
    assert [leave["place"] for leave in gate(change)["leave"]] == ["shipping/stage"]
    changes.grant_waiver(lead, asked[1])
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED, change.reason
    found = gate(change)
    assert found["waived_by"] == "mia.maintainer, olga.owner"
    assert found["sentence"].startswith(
        "Agreed by mia.maintainer, olga.owner for billing/stage, shipping/stage"
    )
    told = AuditRecord.objects.get(action="schemas.deploy", change_id=change.pk)
    assert told.before == {"schemas": ["orders-value version 1"]}
    assert told.after == {"schemas": ["orders-value version 2"]}
    said = AuditRecord.objects.filter(action="waiver.grant").order_by("at")
    assert [(row.actor_label, row.after["about"]) for row in said if row.after] == [
        ("olga.owner", "orders-value version 2 → billing-api"),
        ("mia.maintainer", "orders-value version 2 → shipping-api"),
    ]
    assert present(tier.orders) == [("producer", "orders-api", 2)]


def test_the_refusal_names_who_may_agree(refused: Change) -> None:
    found = gate(refused)
    assert [leave["who"] for leave in found["leave"]] == [
        "team billing (olga.owner or sven.second)",
        "team shipping (mia.maintainer)",
    ]
    assert "team billing (olga.owner or sven.second) at billing/stage" in found["lift"]


def test_another_version_is_not_agreed_to(tier: Tier, refused: Change, lead: Actor) -> None:
    for waiver_, owner in zip(ask(tier.dana, refused), (Actor(tier.owner), lead), strict=True):
        changes.grant_waiver(owner, waiver_)
    changes.cancel(tier.dana, refused)
    again = produce(tier.orders, add(tier, FULL.replace('"amount"', '"total"')))
    assert again.state == State.WAITING
    assert {leave["about"] for leave in gate(again)["leave"]} == {
        f"orders-value version 3 → {name}" for name in HOLDERS
    }
    changes.cancel(tier.dana, again)
    assert produce(tier.orders, 2).state == State.SUCCEEDED, "the same break was agreed to"


def test_another_reader_there_is_not_agreed_for(tier: Tier, refused: Change, lead: Actor) -> None:
    for waiver_, owner in zip(ask(tier.dana, refused), (Actor(tier.owner), lead), strict=True):
        changes.grant_waiver(owner, waiver_)
    deploy(tier.billing.scope, "billing-reports", "consumes", 1)
    change = run_until_settled(refused)
    assert change.state == State.WAITING
    assert [leave["about"] for leave in gate(change)["leave"]] == [
        "orders-value version 2 → billing-reports"
    ]


def test_a_waiver_of_the_readers_place_lets_nobody_else_past(tier: Tier, refused: Change) -> None:
    for user, other in ((tier.second, tier.owner),):
        waiver(Actor(user), Actor(other), tier.billing)
    change = run_until_settled(refused)
    assert change.state == State.WAITING
    assert "would break 2 consumers" in gate(change)["sentence"]


def test_the_gate_closes_again_when_leave_is_taken_back(
    tier: Tier, refused: Change, lead: Actor
) -> None:
    first, second = ask(tier.dana, refused)
    changes.grant_waiver(Actor(tier.owner), first)
    changes.revoke_waiver(Actor(tier.second), first, "The nightly run needs it.")
    changes.grant_waiver(lead, second)
    change = run_until_settled(refused)
    assert change.state == State.WAITING
    assert "1 consumer in staging: billing-api" in gate(change)["sentence"]


def test_who_confirmed_agrees_for_others_only(tier: Tier, refused: Change) -> None:
    bind("maintainer", tier.billing.project.scope, user=tier.dana.user)
    agreed(Actor(tier.second), tier.dana, tier.billing, f"{NAME} version 2")
    change = run_until_settled(refused)
    assert "would break 2 consumers" in gate(change)["sentence"]
