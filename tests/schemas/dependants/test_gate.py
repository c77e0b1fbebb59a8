"""The gate through plans of real environments over the simulated cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from environments import services
from gitops.models import Cluster
from idp.changes import services as changes
from idp.changes.models import Change, Waiver
from rbac.actors import Actor
from schemas import services as registry
from schemas.dependants import recording
from schemas.dependants.models import DeployedVersion
from schemas.dependants.sets import FACT, Entry, SchemaSet
from schemas.errors import NotPermitted
from schemas.naming import parse
from tests.environments.factories import settle
from tests.rbac.factories import Characters, bind, make_project
from tests.schemas.dependants.world import (
    DROPPED,
    EVOLVED,
    FULL,
    NAME,
    TIER,
    Side,
    Tier,
    deploy,
    workload,
)
from tests.schemas.factories import register
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
State = Change.State


def holding(*versions: int) -> list[dict[str, Any]]:
    return [{"subject": NAME, "version": version} for version in versions]


def produce(at: Side, *versions: int) -> Change:
    wanted = holding(*versions)
    change = services.set_schemas(at.actor, at.environment, produces=wanted, consumes=[])
    return settle(at.actor, change)


def consume(at: Side, *versions: int) -> Change:
    wanted = holding(*versions)
    change = services.set_schemas(at.actor, at.environment, produces=[], consumes=wanted)
    return settle(at.actor, change)


def gate(change: Change) -> dict[str, Any]:
    (found,) = [one for one in change.gates if one["gate"] == "schemas"]
    return dict(found)


def add(tier: Tier, text: str) -> int:
    """Register a version whatever it breaks, as a subject's owner may."""
    tier.subject.level = "NONE"
    tier.subject.save(update_fields=["level"])
    return register(tier.dana, NAME, text).latest


def waiver(asked: Actor, granted: Actor, at: Side, **more: Any) -> Waiver:
    row = changes.ask_waiver(
        asked,
        scope=at.scope,
        gate="schemas",
        reason="Our reader is switched off.",
        ends_at=timezone.now() + timedelta(hours=4),
        **more,
    )
    return changes.grant_waiver(granted, row)


def present(at: Side) -> list[tuple[str, str, int]]:
    rows = DeployedVersion.objects.filter(scope=at.scope, ended_at=None)
    return [(row.role, row.holder, row.version.number) for row in rows.order_by("pk")]


def test_what_is_deployed_is_recorded(tier: Tier) -> None:
    rows = DeployedVersion.objects.filter(ended_at=None).order_by("scope", "holder")
    assert [(str(r.scope), r.role, r.holder, r.version.number, r.revision) for r in rows] == [
        ("orders/stage", "producer", "orders-api", 1, "1.4.2"),
        ("billing/stage", "consumer", "billing-api", 1, "1.4.2"),
        ("shipping/stage", "consumer", "shipping-api", 1, "1.4.2"),
    ]


def test_the_story_until_a_default_is_added(tier: Tier) -> None:
    add(tier, DROPPED)
    change = produce(tier.orders, 2)
    assert change.state == State.WAITING
    found = gate(change)
    assert found["outcome"] == "refuse"
    for word in (
        "orders-value version 2, written by orders-api, would break 2 consumers in staging",
        "billing-api of team billing in billing/stage (version 1)",
        "shipping-api of team shipping in shipping/stage (version 1)",
        "`amount`",
    ):
        assert word in found["sentence"]
    for word in ("Two ways out", "olga.owner", "mia.maintainer", "waive gate “schemas”"):
        assert word in found["lift"]
    assert present(tier.orders) == [("producer", "orders-api", 1)]
    changes.cancel(tier.dana, change)
    assert produce(tier.orders, add(tier, EVOLVED)).state == State.SUCCEEDED
    assert present(tier.orders) == [("producer", "orders-api", 3)]


def test_a_waiver_for_the_change_lets_it_past(tier: Tier, people: Characters) -> None:
    add(tier, DROPPED)
    change = produce(tier.orders, 2)
    waiver(tier.dana, Actor(people.maintainer), tier.orders, change=change)
    change = run_until_settled(change)
    assert change.state == State.SUCCEEDED, change.reason
    assert gate(change)["waived_by"] == "mia.maintainer"


def test_a_waived_break_does_not_stop_what_follows(tier: Tier, people: Characters) -> None:
    add(tier, DROPPED)
    change = produce(tier.orders, 2)
    waiver(tier.dana, Actor(people.maintainer), tier.orders, change=change)
    assert run_until_settled(change).state == State.SUCCEEDED
    Waiver.objects.update(ends_at=timezone.now())
    after = settle(tier.dana, services.scale(tier.dana, tier.orders.environment, replicas=3))
    assert after.state == State.SUCCEEDED, after.reason
    assert gate(after)["sentence"] == "Nothing new to judge."


def test_a_reader_ahead_of_its_writer_is_told_what_is_lacking(readers: Tier) -> None:
    add(readers, DROPPED)
    change = consume(readers.billing, add(readers, FULL.replace("double", "string")))
    assert change.state == State.WAITING
    found = gate(change)
    assert found["sentence"].startswith(
        "staging lacks orders-value version 3, which billing-api reads (owner: team billing)"
    )
    assert "orders-api of team orders in orders/stage (version 1)" in found["sentence"]


def test_data_that_is_kept_counts_until_its_end(readers: Tier) -> None:
    deploy(readers.orders.scope, "orders-api", "produces", add(readers, EVOLVED))
    change = consume(readers.billing, add(readers, FULL.replace('"amount"', '"total"')))
    sentence = gate(change)["sentence"]
    assert "(version 1)" in sentence
    assert "(version 2)" in sentence
    assert "Older data is kept until" in sentence
    with time_machine.travel(timezone.now() + timedelta(days=8)):
        later = gate(run_until_settled(change))["sentence"]
    assert "(version 1)" not in later
    assert "(version 2)" in later


def test_elsewhere_environments_are_alone(
    recorded: Tier, people: Characters, cluster: Cluster
) -> None:
    tier = recorded
    add(tier, DROPPED)
    change = services.create_environment(
        tier.dana,
        project=people.project,
        name="mine",
        tier="development",
        cluster=cluster,
        blueprint="web-service@1.0.0",
        schemas={"produces": holding(2)},
        **workload("orders-api"),
    )
    change = settle(tier.dana, change)
    assert change.state == State.SUCCEEDED, change.reason


def test_deletion_is_never_held_up_and_ends_what_was_there(readers: Tier) -> None:
    at = readers.billing
    bind("developer", at.project.scope, user=at.actor.user)
    change = settle(at.actor, services.delete_environment(at.actor, at.environment))
    assert change.state == State.SUCCEEDED, change.reason
    assert present(at) == []


def test_what_a_writer_left_in_a_shared_tier_outlives_it(tier: Tier) -> None:
    change = settle(tier.dana, services.delete_environment(tier.dana, tier.orders.environment))
    assert change.state == State.SUCCEEDED, change.reason
    (row,) = DeployedVersion.objects.filter(scope=tier.orders.scope)
    assert row.ended_at is not None
    assert row.retained_until is not None


def test_a_version_in_use_is_not_deleted(recorded: Tier) -> None:
    with pytest.raises(NotPermitted, match="in use: orders-api, producer in orders/stage"):
        registry.delete_version(recorded.dana, parse(NAME), 1)
    with pytest.raises(NotPermitted, match="in use"):
        registry.delete_subject(recorded.dana, parse(NAME))


@pytest.mark.usefixtures("recorded")
def test_what_the_author_may_not_see_is_missing_to_them(
    people: Characters, cluster: Cluster
) -> None:
    apart = make_project("apart")
    bind("deployer", apart.scope, user=people.stranger)
    bind("developer", apart.scope, user=people.stranger)
    stranger = Actor(people.stranger)
    change = services.create_environment(
        stranger,
        project=apart,
        name="stage",
        tier=TIER,
        cluster=cluster,
        blueprint="web-service@1.0.0",
        parameters=workload("x")["parameters"],
        schemas={"consumes": holding(1)},
    )
    change = settle(stranger, change)
    assert change.state == State.WAITING
    found = gate(change)
    assert found["sentence"] == (
        "web reads orders-value version 1, which is not registered or which you may not see."
    )
    assert "orders/stage" not in found["sentence"] + found["lift"]


def test_what_another_change_is_bringing_counts(tier: Tier) -> None:
    """Two changes that get on with what is there, but not with each other."""
    add(tier, DROPPED)
    deploy(tier.billing.scope, "billing-api", "consumes")
    deploy(tier.shipping.scope, "shipping-api", "consumes")
    arriving = SchemaSet(consumes=(Entry(NAME, 1, "web", "billing-api"),))
    other = Change.objects.create(
        kind="gitops.sync",
        verb="environment.set-schemas",
        title="Bring billing",
        scope=tier.billing.scope,
        actor_label="dev.billing",
        origin=Change.Origin.API,
        state=State.APPLYING,
        plan={"facts": {FACT: arriving.to_json()}},
    )
    change = produce(tier.orders, 2)
    assert change.state == State.WAITING
    assert "1 consumer in staging: billing-api" in gate(change)["sentence"]
    Change.objects.filter(pk=other.pk).update(state=State.FAILED)
    assert run_until_settled(change).state == State.SUCCEEDED


def test_a_set_by_rest_with_the_code_that_uses_it(tier: Tier) -> None:
    api = APIClient()
    api.force_authenticate(tier.dana.user)
    path = "/api/v1/environments/orders/stage/schemas/"
    body = {"produces": holding(add(tier, EVOLVED)), "image": "registry.example.com/o/api:2.0.0"}
    answer = api.post(path, body)
    assert answer.status_code == 202, answer.json()
    assert answer.json()["title"] == "Set schemas of orders/stage, and web to api:2.0.0"
    change = settle(tier.dana, Change.objects.get(pk=answer.json()["id"]))
    assert change.state == State.SUCCEEDED, change.reason
    row = DeployedVersion.objects.get(scope=tier.orders.scope, ended_at=None)
    assert (row.version.number, row.revision) == (2, "2.0.0")
    wrong = api.post(path, {"produces": holding(9)})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["field"] == "spec.schemas.produces.0.version"
    again = api.post(path, body)
    assert again.status_code == 409


def test_what_is_too_much_to_judge_closes_the_gate_in_words(
    tier: Tier, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(tier, EVOLVED)
    with monkeypatch.context() as patch:
        patch.setattr("schemas.dependants.parties.MAX_PARTIES", 2)
        change = produce(tier.orders, number)
    assert change.state == State.WAITING
    assert gate(change)["sentence"].startswith("More than 2 parties use these subjects. Name fewer")
    assert run_until_settled(change).state == State.SUCCEEDED


def test_an_unchanged_set_asks_no_engine(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.verdicts.judge", lambda *_: pytest.fail("judged"))
    change = settle(tier.dana, services.scale(tier.dana, tier.orders.environment, replicas=2))
    assert change.state == State.SUCCEEDED, change.reason


def test_a_closed_gate_is_told_on_the_page_of_the_change(tier: Tier) -> None:
    register(tier.dana, NAME, DROPPED)
    asked = services.set_schemas(
        tier.dana, tier.orders.environment, produces=holding(2), consumes=[]
    )
    change = run_until_settled(asked)
    assert change.state == State.READY
    client = Client()
    assert tier.dana.user is not None
    client.force_login(tier.dana.user)
    page = client.get(f"/changes/{change.pk}/").content.decode()
    assert "Schemas refuses." in page
    assert f"/changes/{change.pk}/plan/#gates" in page


def test_two_images_of_one_component_hold_one_version(recorded: Tier) -> None:
    scope = recorded.orders.scope
    entries = tuple(
        Entry(NAME, 1, workload, "orders-api", revision)
        for workload, revision in (("web", "1.4.2"), ("worker", "1.5.0"))
    )
    for _ in range(2):
        recording.record(scope, None, {FACT: SchemaSet(produces=entries).to_json()})
    rows = DeployedVersion.objects.filter(scope=scope, ended_at=None)
    assert sorted(rows.values_list("workload", "revision")) == [
        ("web", "1.4.2"),
        ("worker", "1.5.0"),
    ]
