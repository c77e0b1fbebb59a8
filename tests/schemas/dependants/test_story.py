"""The whole story by REST with tokens: named, refused, agreed, and in another run mended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from idp.changes.models import Change
from rbac.models import AuditRecord, User
from tests.rbac.factories import Characters, bind
from tests.schemas.dependants.test_rest import client_of
from tests.schemas.dependants.world import DROPPED, NAME, Tier
from tests.schemas.factories import record
from tests.support.changes import run_until_settled

pytestmark = pytest.mark.django_db
MENDED = record(("id", "long"), ("amount", "double", 0.0))
SET = "environments/orders/stage/schemas/"


class Rest:
    """One person's REST with a token."""

    def __init__(self, user: User) -> None:
        self._client = client_of(user)

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = getattr(self._client, method.lower())(f"/api/v1/{path}", body)
        assert answer.status_code == status, answer.content
        return answer.json()

    def deployed(self, version: int) -> Any:
        """The change that brings a version, as far as it goes."""
        wanted = {"produces": [{"subject": NAME, "version": version}], "confirm": False}
        change = self("POST", SET, wanted, 202)
        run_until_settled(Change.objects.get(pk=change["id"]))
        return self("GET", f"changes/{change['id']}/")


@pytest.fixture
def dana(tier: Tier) -> Rest:
    assert tier.dana.user is not None
    return Rest(tier.dana.user)


@pytest.fixture
def subject(tier: Tier) -> str:
    return f"subjects/{tier.subject.pk}/"


def test_owners_agree(tier: Tier, people: Characters, dana: Rest, subject: str) -> None:
    impact = dana("POST", "schemas/impact/", {"subject": NAME, "schema": DROPPED})
    hurt = [effect["party"] for effect in impact["effects"] if effect["compatible"] is False]
    assert [(one["holder"], one["owner"], one["environment"]) for one in hurt] == [
        ("billing-api", "billing", "billing/stage"),
        ("shipping-api", "shipping", "shipping/stage"),
    ]
    made = dana("POST", f"{subject}versions/", {"schema": DROPPED}, 201)
    assert made["version"] == 2
    change = dana.deployed(2)
    assert change["state"] == "waiting"
    (gate,) = [one for one in change["gates"] if one["gate"] == "schemas"]
    assert "would break 2 consumers in staging" in gate["sentence"]
    for word in ("billing-api", "shipping-api", "team billing", "olga.owner", "Two ways out"):
        assert word in f"{gate['sentence']} {gate['lift']}"
    question = {"set": "orders-api", "environment": "orders/staging"}
    question["produces"] = [{"subject": NAME, "version": 2}]
    assert dana("POST", "schemas/may-deploy/", question)["allowed"] is False

    ends = (timezone.now() + timedelta(hours=8)).isoformat()
    asked = {"gate": "schemas", "reason": "Nobody needs it.", "ends_at": ends}
    dana("POST", f"changes/{change['id']}/leave/", asked, 201)
    bind("maintainer", tier.shipping.project.scope, user=people.maintainer)
    for owner in (tier.owner, people.maintainer):
        rest = Rest(owner)
        (waiver,) = [w for w in rest("GET", "waivers/")["results"] if not w["approver"]]
        rest("POST", f"waivers/{waiver['id']}/grant/", {})
    run_until_settled(Change.objects.get(pk=change["id"]))
    assert dana("GET", f"changes/{change['id']}/")["state"] == "succeeded"
    told = AuditRecord.objects.values_list("action", flat=True)
    for action in ("subject.register", "waiver.ask", "waiver.grant", "schemas.deploy"):
        assert action in told


def test_the_author_adds_a_default(tier: Tier, dana: Rest, subject: str) -> None:
    dana("POST", f"{subject}versions/", {"schema": DROPPED}, 201)
    change = dana.deployed(2)
    assert change["state"] == "waiting"
    dana("POST", f"changes/{change['id']}/cancel/", {}, 202)
    impact = dana("POST", "schemas/impact/", {"subject": NAME, "schema": MENDED})
    assert impact["compatible"] is True
    dana("POST", f"{subject}versions/", {"schema": MENDED}, 201)
    assert dana.deployed(3)["state"] == "succeeded"
