"""Dependants by REST: impact, “may it go there?”, check-ins, and who may ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from portal.models import Component
from rbac.actors import Actor
from rbac.models import AuditRecord, User
from schemas.dependants import checkins, recording
from schemas.dependants.api.views import CheckInThrottle
from schemas.dependants.models import CheckIn, DeployedVersion
from schemas.models import Subject
from tests.rbac.factories import Characters, bind
from tests.schemas.dependants.test_gate import add, waiver
from tests.schemas.dependants.test_leave import agreed
from tests.schemas.dependants.world import DROPPED, EVOLVED, FULL, NAME, Tier, deploy
from tests.schemas.wire import token_of

pytestmark = pytest.mark.django_db
BASE = "/api/v1/schemas/"


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}")
    return client


@pytest.fixture
def api(recorded: Tier, people: Characters) -> APIClient:
    return client_of(people.developer)


def asked(api: APIClient, what: str, body: dict[str, Any], status: int = 200) -> Any:
    answer = api.post(f"{BASE}{what}", body)
    assert answer.status_code == status, answer.json()
    return answer.json()


class TestImpact:
    def test_each_party_gets_a_verdict(self, api: APIClient) -> None:
        found = asked(api, "impact/", {"subject": NAME, "schema": DROPPED})
        assert found["compatible"] is False
        assert found["sentence"] == "It would break 2 of 3 who use orders-value."
        rows = {row["party"]["holder"]: row for row in found["effects"]}
        assert rows["orders-api"]["compatible"] is True
        billing = rows["billing-api"]
        assert billing["party"] == {
            "role": "consumer",
            "holder": "billing-api",
            "owner": "billing",
            "environment": "billing/stage",
            "tier": "staging",
            "version": 1,
            "known": "declared",
            "seen": billing["party"]["seen"],
            "retained_until": None,
            "traffic": None,
        }
        assert billing["sentence"].startswith(
            "billing-api of team billing in billing/stage (version 1) could not read what the"
            " candidate writes: "
        )
        assert "`amount`" in billing["sentence"]

    def test_a_producer_is_hurt_by_what_its_readers_would_need(self, api: APIClient) -> None:
        wants = FULL.replace('"amount"', '"total"')
        found = asked(api, "impact/", {"subject": NAME, "schema": wants})
        rows = {row["party"]["holder"]: row for row in found["effects"]}
        assert rows["orders-api"]["sentence"].startswith("Readers of the candidate could not read")

    def test_nobody_is_hurt(self, api: APIClient) -> None:
        found = asked(api, "impact/", {"subject": NAME, "schema": EVOLVED})
        assert found["compatible"] is True
        assert found["sentence"] == "It breaks nobody who is known to use orders-value."

    def test_what_the_catalog_declares_has_no_version(
        self, api: APIClient, people: Characters
    ) -> None:
        Component.objects.create(
            name="reports",
            project=people.project,
            owner=people.project.team,
            consumes_apis=[NAME, "other"],
        )
        found = asked(api, "impact/", {"subject": NAME, "schema": EVOLVED})
        (row,) = [row for row in found["effects"] if row["compatible"] is None]
        assert row["party"]["known"] == "catalog"
        assert row["sentence"] == (
            "reports of team orders reads it, nobody knows with which version."
        )
        assert found["sentence"].endswith("Of 1 the version is not known.")

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"subject": NAME, "schema": "{"}, 422),
            ({"subject": NAME, "schema": "[" * 100_000}, 422),
            ({"subject": "nobody", "schema": FULL}, 404),
            ({"subject": NAME, "schema": FULL, "format": "COBOL"}, 422),
            ({"subject": NAME, "schema": FULL, "colour": 1}, 422),
            ({"subject": "a\x00b", "schema": FULL}, 422),
        ],
    )
    def test_bad_candidates_are_problems(
        self, api: APIClient, body: dict[str, Any], status: int
    ) -> None:
        answer = api.post(f"{BASE}impact/", body)
        assert answer.status_code == status, answer.content
        assert answer["Content-Type"] == "application/problem+json"

    def test_of_another_format_everybody_is_hurt(self, api: APIClient) -> None:
        body = {"subject": NAME, "schema": '{"type": "object"}', "format": "JSON"}
        found = asked(api, "impact/", body)
        assert [row["compatible"] for row in found["effects"]] == [False] * 3
        assert "JSON" in found["effects"][0]["sentence"]


class TestMayDeploy:
    def body(self, **more: Any) -> dict[str, Any]:
        return {"set": "orders-api", "environment": "orders/staging", **more}

    def test_the_matrix_says_why_not(self, api: APIClient, recorded: Tier) -> None:
        add(recorded, DROPPED)
        held = [{"subject": NAME, "version": "latest"}]
        found = asked(api, "may-deploy/", self.body(produces=held))
        assert found["allowed"] is False
        assert "would break 2 consumers in staging" in found["sentence"]
        assert "Two ways out" in found["ways_out"]
        assert "olga.owner" in found["ways_out"]
        broken = [row for row in found["matrix"] if not row["compatible"]]
        assert sorted(row["reader"]["holder"] for row in broken) == ["billing-api", "shipping-api"]
        assert all(row["writer"]["version"] == 2 for row in broken)
        assert all(row["sentence"] and not row["agreed_by"] for row in broken)
        assert found["set"][0]["known"] == "asked"

    def test_one_curl_fails_with_the_reason(self, api: APIClient, recorded: Tier) -> None:
        add(recorded, DROPPED)
        held = [{"subject": NAME, "version": 2}]
        found = asked(api, "may-deploy/?fail=1", self.body(produces=held), 409)
        assert found["code"] == "refused"
        assert "would break 2 consumers" in found["detail"]
        assert "Two ways out" in found["fix"]

    def test_owners_agree(self, api: APIClient, recorded: Tier, people: Characters) -> None:
        add(recorded, DROPPED)
        agreed(recorded.dana, Actor(recorded.owner), recorded.billing, "orders-value version 2")
        held = [{"subject": NAME, "version": 2}]
        found = asked(api, "may-deploy/", self.body(produces=held))
        assert found["allowed"] is False
        assert "1 consumer in staging: shipping-api" in found["sentence"]
        by = {row["reader"]["holder"]: row["agreed_by"] for row in found["matrix"]}
        assert by == {"billing-api": "olga.owner", "shipping-api": ""}
        waiver(recorded.dana, Actor(people.maintainer), recorded.orders)
        whole = self.body(produces=held, environment="orders/stage")
        found = asked(api, "may-deploy/", whole)
        assert found["allowed"] is True
        assert found["sentence"].startswith("It may go: mia.maintainer agreed.")

    def test_a_revision_is_looked_up_where_it_ran(self, api: APIClient, recorded: Tier) -> None:
        deploy(recorded.orders.scope, "orders-api", "produces", add(recorded, EVOLVED))
        for name in ("orders-api@1.4", "orders@1.4.2"):
            body = {"set": name, "environment": "orders/production"}
            found = asked(api, "may-deploy/", body)
            assert found["allowed"] is True
            assert [(row["holder"], row["version"]) for row in found["set"]] == [("orders-api", 2)]
        body = {"set": "orders-api@9.9", "environment": "orders/production"}
        found = asked(api, "may-deploy/", body, 404)
        assert "produces and consumes" in found["fix"]

    def test_what_stands_elsewhere_is_promoted(self, api: APIClient) -> None:
        body = {"from": "orders/staging", "environment": "orders/production"}
        found = asked(api, "may-deploy/", body)
        assert found["allowed"] is True
        assert found["environment"] == "orders/production"
        assert [row["version"] for row in found["set"]] == [1]

    @pytest.mark.parametrize(
        ("more", "status", "word"),
        [
            ({}, 422, "Say what should go"),
            ({"environment": "orders"}, 422, "Nothing is deployed to orders itself"),
            ({"environment": "nowhere/staging"}, 422, "There is no scope"),
            ({"produces": [{"subject": NAME, "version": True}]}, 422, "or “latest”"),
            ({"produces": [{"subject": NAME, "version": -1}]}, 422, "or “latest”"),
            ({"produces": [{"subject": NAME, "version": 1}] * 201}, 422, "At most 200"),
            ({"produces": [{"subject": "no", "version": "latest"}]}, 404, "not found"),
            ({"colour": "red"}, 422, "Not known here"),
        ],
    )
    def test_bad_questions(
        self, api: APIClient, more: dict[str, Any], status: int, word: str
    ) -> None:
        found = asked(api, "may-deploy/", {**self.body(), **more}, status)
        assert word in str(found)

    def test_an_unregistered_version_is_missing(self, api: APIClient) -> None:
        body = self.body(consumes=[{"subject": NAME, "version": 77}])
        found = asked(api, "may-deploy/", body)
        assert found["allowed"] is False
        (sentence,) = found["missing"]
        assert sentence.startswith("orders-api reads orders-value version 77, which is not")

    def test_others_are_not_asked(self, recorded: Tier, people: Characters) -> None:
        held = [{"subject": NAME, "version": 1}]
        stranger = client_of(people.stranger)
        asked(stranger, "may-deploy/", self.body(produces=held), 403)
        bind("viewer", recorded.billing.project.scope, user=people.stranger)
        asked(stranger, "may-deploy/", self.body(produces=held), 422)
        own = {"environment": "billing/staging", "set": "x", "consumes": held}
        found = asked(stranger, "may-deploy/", own)
        assert "you may not see" in found["missing"][0]
        assert found["matrix"] == []
        body = {"set": "orders-api@1.4", "environment": "billing/staging"}
        asked(stranger, "may-deploy/", body, 404)


class TestCheckIns:
    def word(self, **more: Any) -> dict[str, Any]:
        return {
            "environment": "billing/stage",
            "subject": NAME,
            "role": "consumer",
            "holder": "billing-job",
            "version": 1,
            **more,
        }

    @pytest.fixture
    def program(self, recorded: Tier) -> APIClient:
        return client_of(User.objects.get(username="dev.billing"))

    def test_it_counts_until_its_end(self, program: APIClient, recorded: Tier) -> None:
        made = asked(program, "check-ins/", self.word(ttl_hours=2), 201)
        assert made["version"] == 1
        add(recorded, DROPPED)
        held = [{"subject": NAME, "version": 2}]
        body = {"set": "orders-api", "environment": "orders/staging", "produces": held}
        api = client_of(recorded.dana.user)  # type: ignore[arg-type]  # a person
        assert "3 consumers in staging" in asked(api, "may-deploy/", body)["sentence"]
        with time_machine.travel(timezone.now() + timedelta(hours=3)):
            assert "2 consumers in staging" in asked(api, "may-deploy/", body)["sentence"]
            recording.sweep()
        assert not CheckIn.objects.exists()

    def test_the_same_word_moves_the_end(self, program: APIClient) -> None:
        first = asked(program, "check-ins/", self.word(), 201)
        with time_machine.travel(timezone.now() + timedelta(hours=1)):
            again = asked(program, "check-ins/", self.word())
        assert again["first_seen"] == first["first_seen"]
        assert again["expires_at"] > first["expires_at"]
        assert CheckIn.objects.count() == 1
        assert AuditRecord.objects.filter(action="subject.check-in").count() == 1
        asked(program, "check-ins/", self.word(version=None), 201)
        asked(program, "check-ins/", self.word(version=None))
        assert CheckIn.objects.count() == 2

    def test_a_later_deployment_replaces_it(self, program: APIClient, recorded: Tier) -> None:
        asked(program, "check-ins/", self.word(holder="billing-api"), 201)
        found = client_of(recorded.owner).get(f"{BASE}dependants/", {"subject": NAME})
        assert found.status_code == 404
        api = client_of(recorded.dana.user)  # type: ignore[arg-type]  # a person
        rows = api.get(f"{BASE}dependants/", {"subject": NAME}).json()["dependants"]
        assert [row["known"] for row in rows if row["holder"] == "billing-api"] == [
            "declared",
            "check-in",
        ]
        DeployedVersion.objects.filter(holder="billing-api").update(
            deployed_at=timezone.now() + timedelta(seconds=1)
        )
        rows = api.get(f"{BASE}dependants/", {"subject": NAME}).json()["dependants"]
        assert [row["known"] for row in rows if row["holder"] == "billing-api"] == ["declared"]

    @pytest.mark.parametrize(
        ("more", "status"),
        [
            ({"environment": "billing/staging"}, 422),
            ({"environment": "orders/stage"}, 403),
            ({"subject": "nobody"}, 404),
            ({"version": 5}, 404),
            ({"version": 0}, 422),
            ({"role": "owner"}, 422),
            ({"holder": "<script>"}, 422),
            ({"ttl_hours": 100_000}, 422),
            ({"colour": 1}, 422),
        ],
    )
    def test_bad_words(self, program: APIClient, more: dict[str, Any], status: int) -> None:
        asked(program, "check-ins/", self.word(**more), status)
        assert not CheckIn.objects.exists()

    def test_a_viewer_may_not_speak_for_programs(self, recorded: Tier, people: Characters) -> None:
        bind("viewer", recorded.billing.project.scope, user=people.viewer)
        found = asked(client_of(people.viewer), "check-ins/", self.word(), 403)
        assert "subject.check-in" in str(found)

    def test_floods_are_refused(self, program: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkins, "MAX_OF_PLACE", 2)
        for name in ("a", "b"):
            asked(program, "check-ins/", self.word(holder=name), 201)
        found = asked(program, "check-ins/", self.word(holder="c"), 409)
        assert "which is the most" in found["detail"]
        monkeypatch.setattr(CheckInThrottle, "rate", "3/min")
        codes = [
            program.post(f"{BASE}check-ins/", self.word(holder="a")).status_code for _ in range(5)
        ]
        assert 429 in codes


def test_costs_do_not_grow_with_parties(
    api: APIClient, recorded: Tier, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    subject = Subject.objects.get(name=NAME)
    version = subject.versions.get()
    CheckIn.objects.bulk_create(
        CheckIn(
            scope=recorded.billing.scope,
            role="consumer",
            holder=f"job-{number}",
            subject=subject,
            version=version,
            said_by="x",
            expires_at=timezone.now() + timedelta(hours=1),
        )
        for number in range(500)
    )
    with django_assert_max_num_queries(25):
        found = asked(api, "impact/", {"subject": NAME, "schema": DROPPED})
    assert len(found["effects"]) == 503
