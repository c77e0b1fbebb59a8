"""The gate: tagged fields stay out of tiers, and a tier asks more of what is used there."""

from __future__ import annotations

import json

import pytest

from environments import services
from idp.changes.models import Change
from schemas.models import Subject
from schemas.policies.models import PolicyFailure
from schemas.policies.previewing import preview
from schemas.policies.sweeping import sweep
from tests.environments.factories import settle
from tests.rbac.factories import Characters
from tests.schemas.dependants.test_gate import gate, produce
from tests.schemas.dependants.world import EVOLVED, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.policies.making import enforce, make

pytestmark = pytest.mark.django_db
PII = {"tags": ["PII"], "keep_out_of": ["staging"]}


def marked() -> str:
    document = json.loads(EVOLVED)
    document["fields"][2]["confluent:tags"] = ["PII"]
    return json.dumps(document)


def test_a_tagged_field_stays_out_of_a_tier(tier: Tier, people: Characters) -> None:
    enforce(people, "pii", field_tags=[PII])
    register(tier.dana, NAME, marked())
    change = produce(tier.orders, 2)
    assert change.state == Change.State.WAITING
    found = gate(change)
    assert found["outcome"] == "refuse"
    assert (
        "field Order.note is tagged PII, which policy pii keeps out of staging"
        in (found["sentence"])
    )
    assert "Use a version without the field there" in found["sentence"]


def test_a_warning_lets_it_pass_and_says_so(tier: Tier, people: Characters) -> None:
    make(people, "pii", mode="warn", rules={"field_tags": [PII]})
    register(tier.dana, NAME, marked())
    change = produce(tier.orders, 2)
    assert change.state == Change.State.SUCCEEDED
    assert "field Order.note is tagged PII" in gate(change)["sentence"]
    sweep()
    assert [row.rule for row in PolicyFailure.objects.all()] == ["field_tags"]


def test_another_tier_is_free(tier: Tier, people: Characters) -> None:
    enforce(people, "pii", field_tags=[{**PII, "keep_out_of": ["preview", "production"]}])
    register(tier.dana, NAME, marked())
    assert produce(tier.orders, 2).state == Change.State.SUCCEEDED


def test_who_uses_it_already_goes_on(tier: Tier, people: Characters) -> None:
    register(tier.dana, NAME, marked())
    assert produce(tier.orders, 2).state == Change.State.SUCCEEDED
    enforce(people, "pii", field_tags=[PII])
    again = settle(
        tier.dana,
        services.set_schemas(
            tier.dana,
            tier.orders.environment,
            produces=[{"subject": NAME, "version": 2, "retentionDays": 30}],
            consumes=[],
        ),
    )
    assert again.state == Change.State.SUCCEEDED
    sweep()
    failure = PolicyFailure.objects.get()
    assert failure.subject.name == NAME
    assert "keeps out of staging" in failure.sentence


def test_a_tier_asks_what_registering_does_not(tier: Tier, people: Characters) -> None:
    make(people, "staged", tier="staging", rules={"require": ["docs"], "formats": ["JSON"]})
    register(tier.dana, NAME, EVOLVED)
    assert Subject.objects.get(name=NAME).state == Subject.State.ACTIVE
    found = gate(produce(tier.orders, 2))
    assert found["outcome"] == "refuse"
    assert "has no docs, which policy staged asks for" in found["sentence"]
    assert "is AVRO; policy staged takes JSON" in found["sentence"]


def test_a_preview_says_that_a_tiers_policy_bites(tier: Tier, people: Characters) -> None:
    row = make(people, "staged", tier="staging", mode="warn", rules={"formats": ["JSON"]})
    found = preview(tier.dana, row)
    assert (found.failing, found.biting) == (1, 1)
