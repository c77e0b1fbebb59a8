"""Where traffic is shown: the subject's tab and picture, REST, impact, deletion, and to whom."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from portal.models import Component
from rbac.actors import Actor
from rbac.models import ApiToken, User
from rbac.scopes import environment_scope
from schemas.addresses import page_of
from schemas.dependants import checkins, parties
from schemas.dependants.checkins import Word
from schemas.dependants.models import Role
from schemas.models import Subject
from schemas.traffic import noting, selectors
from schemas.traffic.models import SeenTraffic
from schemas.traffic.noting import Noting
from tests.rbac.factories import Characters, bind
from tests.schemas.dependants.test_rest import asked, client_of
from tests.schemas.dependants.world import DROPPED, EVOLVED, FULL, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import html, posted, signed_in
from tests.schemas.traffic.world import account, token_for, wire_of

pytestmark = pytest.mark.django_db
VERSIONS = f"/subjects/{NAME}/versions"
REST = f"/api/v1/schemas/dependants/?subject={NAME}"


@pytest.fixture
def seen(subject: Subject, token: ApiToken, component: Component) -> SeenTraffic:
    """`reports` read the subject once."""
    assert wire_of(token)("GET", f"{VERSIONS}/1").status == 200
    noting.flush()
    return SeenTraffic.objects.get()


def dependants(user: User) -> list[dict[str, Any]]:
    answer = client_of(user).get(REST)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["dependants"]
    return found


def tab(user: User, subject: Subject) -> str:
    return html(signed_in(user), f"{page_of(subject)}?tab=dependants")


@pytest.mark.parametrize(
    "call",
    [
        ("GET", "/schemas/ids/1", None),
        ("GET", "/schemas/ids/1/schema", None),
        ("GET", f"{VERSIONS}/latest", None),
        ("POST", f"/subjects/{NAME}", {"schema": FULL}),
        ("POST", VERSIONS, {"schema": FULL}),
    ],
)
def test_a_call_costs_no_query_more(
    subject: Subject,
    token: ApiToken,
    noted: Noting,
    settings: Settings,
    call: tuple[str, str, Any],
) -> None:
    wire, made = wire_of(token), []
    wire(*call)
    for seconds in (0, 30):
        settings.SCHEMAS_TRAFFIC_SECONDS = seconds
        noted.buffer.take()
        with CaptureQueriesContext(connection) as captured:
            assert wire(*call).status == 200
        made.append([one["sql"] for one in captured])
    assert len(made[0]) == len(made[1]), made[1]
    assert noted.buffer.size == 1


class TestREST:
    def test_traffic_is_a_source_without_a_version(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        (row,) = dependants(people.developer)
        assert row == {
            "role": "consumer",
            "holder": "reports",
            "owner": "orders",
            "environment": "",
            "tier": "",
            "version": None,
            "known": "traffic",
            "seen": row["traffic"]["last_seen"],
            "retained_until": None,
            "traffic": {
                "first_seen": row["traffic"]["last_seen"],
                "last_seen": row["traffic"]["last_seen"],
                "days": 1,
                "tokens": [],
            },
        }

    def test_names_of_tokens_are_for_those_who_may_see_them(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        for user, names in (
            (people.viewer, []),
            (people.maintainer, ["prod reader"]),
            (people.administrator, ["prod reader"]),
        ):
            (row,) = dependants(user)
            assert row["traffic"]["tokens"] == names, user

    def test_a_narrowed_token_sees_no_names(self, seen: SeenTraffic, people: Characters) -> None:
        subject = seen.subject
        token = token_for(Actor(people.maintainer), people.maintainer, "narrow")
        token.permissions = ["subject.view"]
        (party,) = selectors.of_subject(Actor(people.maintainer, token), subject)
        assert party.traffic is not None
        assert party.traffic.tokens == ()

    def test_who_does_not_see_the_subject_sees_nothing(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        assert client_of(people.stranger).get(REST).status_code in {403, 404}

    def test_tokens_of_one_component_are_one_party(
        self, seen: SeenTraffic, people: Characters, program: User
    ) -> None:
        other = token_for(Actor(people.maintainer), program, "second")
        wire_of(other)("GET", f"{VERSIONS}/1")
        noting.flush()
        (row,) = dependants(people.maintainer)
        assert row["traffic"]["tokens"] == ["prod reader", "second"]

    def test_the_source_is_told_in_the_openapi_schema(self, people: Characters) -> None:
        answer = client_of(people.developer).get("/api/v1/schema/?format=json")
        document = json.loads(answer.content)
        known = json.dumps(document["components"]["schemas"]["PartyOut"]["properties"]["known"])
        reference = known.partition("#/components/schemas/")[2].partition('"')[0]
        values = document["components"]["schemas"][reference]["enum"] if reference else known
        assert {"traffic", "check-in", "declared", "catalog"} <= set(values)

    def test_impact_names_it_without_a_verdict(self, seen: SeenTraffic, people: Characters) -> None:
        body = {"subject": NAME, "schema": DROPPED}
        found = asked(client_of(people.developer), "impact/", body)
        (effect,) = found["effects"]
        assert effect["compatible"] is None
        assert effect["sentence"].startswith(
            "reports of team orders was seen reading it in an unknown environment, last on "
        )
        assert effect["sentence"].endswith("version unknown.")
        assert found["compatible"] is True
        assert found["sentence"].endswith("Of 1 the version is not known.")

    def test_no_gate_and_no_promotion_asks_it(self, seen: SeenTraffic, people: Characters) -> None:
        register(Actor(people.developer), NAME, FULL.replace('"double"', '"double","default":1'))
        environment_scope(people.project, "staging", "stage")
        held = [{"subject": NAME, "version": 1}]
        body = {"set": "x", "environment": "orders/stage", "produces": held}
        found = asked(client_of(people.developer), "may-deploy/", body)
        assert (found["allowed"], found["matrix"]) == (True, [])


class TestBesideOtherSources:
    def speak(self, user: User, token: ApiToken, place: str, version: int | None = 1) -> None:
        scope = environment_scope(SeenTraffic.objects.get().subject.project, "development", place)
        word = Word(NAME, "reports", Role.CONSUMER, version)
        checkins.check_in(Actor(user, token), scope, word)

    def test_who_checked_in_is_one_party_with_a_version(
        self, seen: SeenTraffic, people: Characters, program: User, token: ApiToken
    ) -> None:
        self.speak(program, token, "dev")
        (row,) = dependants(people.developer)
        assert (row["known"], row["version"], row["environment"]) == ("check-in", 1, "orders/dev")
        assert row["traffic"]["days"] == 1

    def test_at_two_places_nobody_knows_which(
        self, seen: SeenTraffic, people: Characters, program: User, token: ApiToken
    ) -> None:
        self.speak(program, token, "dev")
        self.speak(program, token, "play")
        found = {row["environment"]: row for row in dependants(people.developer)}
        assert set(found) == {"orders/dev", "orders/play", ""}
        assert found["orders/dev"]["traffic"] is None
        assert found[""]["known"] == "traffic"

    def test_at_another_place_it_is_another_party(
        self, seen: SeenTraffic, people: Characters, program: User, token: ApiToken
    ) -> None:
        self.speak(program, token, "dev")
        SeenTraffic.objects.update(scope=environment_scope(people.project, "production", "live"))
        found = {row["environment"]: row["known"] for row in dependants(people.developer)}
        assert found == {"orders/dev": "check-in", "orders/live": "traffic"}

    def test_the_catalog_knows_it_too(
        self, seen: SeenTraffic, people: Characters, component: Component
    ) -> None:
        component.consumes_apis = [NAME]
        component.save()
        (row,) = dependants(people.developer)
        assert row["known"] == "catalog"
        assert row["traffic"]["days"] == 1
        SeenTraffic.objects.update(scope=environment_scope(people.project, "staging", "stage"))
        (row,) = dependants(people.developer)
        assert (row["known"], row["environment"]) == ("traffic", "orders/stage")

    def test_another_direction_is_another_party(
        self, seen: SeenTraffic, people: Characters, token: ApiToken
    ) -> None:
        wire_of(token)("POST", VERSIONS, {"schema": FULL})
        noting.flush()
        found = dependants(people.developer)
        assert [row["role"] for row in found] == ["producer", "consumer"]

    def test_deployed_readers_keep_their_verdict(self, recorded: Tier, people: Characters) -> None:
        user = account(recorded.owner, recorded.billing.project, "billing-api", "viewer")
        bind("viewer", recorded.orders.project.scope, user=user)
        wire_of(token_for(Actor(people.administrator), user, "t"))("GET", f"{VERSIONS}/1")
        noting.flush()
        found = {row["holder"]: row for row in dependants(people.developer)}
        assert (found["billing-api"]["known"], found["billing-api"]["version"]) == ("declared", 1)
        assert found["billing-api"]["traffic"]["days"] == 1
        assert found["shipping-api"]["traffic"] is None


class TestPages:
    def test_the_tab_says_what_was_seen_and_what_is_unknown(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        page = tab(people.viewer, seen.subject)
        assert "Seen in traffic: reads, last seen " in page
        assert "which version it holds is unknown" in page
        assert "unknown environment" in page
        assert "prod reader" not in page
        assert "by token prod reader" in tab(people.maintainer, seen.subject)

    def test_the_picture_draws_a_dashed_line_and_says_why(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        page = tab(people.developer, seen.subject)
        assert page.count("er-line is-seen") == 2  # the line and the legend's
        assert "Only seen in the registry’s traffic" in page

    def test_without_traffic_there_is_no_legend(self, people: Characters, recorded: Tier) -> None:
        page = tab(people.developer, recorded.subject)
        assert "is-seen" not in page
        assert "Seen in traffic" not in page

    def test_names_carry_no_markup(self, seen: SeenTraffic, people: Characters) -> None:
        ApiToken.objects.update(name="<script>alert(1)</script>")
        SeenTraffic.objects.update(holder="<img src=x>")
        page = tab(people.maintainer, seen.subject)
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
        assert "&lt;img src=x&gt;" in page

    @pytest.mark.parametrize("query", ["", "?version=1"])
    def test_deleting_warns_of_it_and_is_not_refused(
        self, seen: SeenTraffic, people: Characters, query: str
    ) -> None:
        client: Client = signed_in(people.developer)
        url = f"{page_of(seen.subject, 'delete')}{query}"
        page = html(client, url)
        assert "It is in use:" in page
        assert "reports of team orders was seen reading it" in page
        posted(client, url, 302, confirm_name=NAME)

    def test_it_warns_of_check_ins_of_the_version_that_goes(
        self, seen: SeenTraffic, people: Characters
    ) -> None:
        """Who checked in is one with who was seen, and with another version does not count."""
        register(Actor(people.developer), NAME, EVOLVED)
        scope = environment_scope(people.project, "development", "dev")
        word = Word(NAME, "reports", Role.CONSUMER, 2)
        checkins.check_in(Actor(people.developer), scope, word)
        dana = Actor(people.developer)
        said = ["reports of team orders in orders/dev (version 2) reads it."]
        assert selectors.uses_of(dana, seen.subject, [1, 2]) == said
        assert selectors.uses_of(dana, seen.subject, [1]) == []

    def test_too_many_parties_are_a_sentence(
        self, seen: SeenTraffic, people: Characters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scope = environment_scope(people.project, "development", "dev")
        for name in ("a", "b"):
            word = Word(NAME, name, Role.CONSUMER, 1)
            checkins.check_in(Actor(people.developer), scope, word)
        monkeypatch.setattr(parties, "MAX_PARTIES", 1)
        (said,) = selectors.uses_of(Actor(people.developer), seen.subject, [1])
        assert said.startswith("More than 1 parties")

    def test_the_warning_is_bounded(self, seen: SeenTraffic, people: Characters) -> None:
        rows = []
        for number in range(15):
            user = account(people.maintainer, people.project, f"p{number}")
            token = token_for(Actor(people.maintainer), user, "t")
            row = SeenTraffic(token=token, subject=seen.subject, role="consumer")
            row.holder = f"p{number}"
            rows.append(row)
        SeenTraffic.objects.bulk_create(rows)
        said = selectors.uses_of(Actor(people.viewer), seen.subject, [1])
        assert len(said) == selectors.MAX_SAID + 1
        assert said[-1] == "6 more use it."

    def test_it_costs_two_queries(
        self,
        seen: SeenTraffic,
        people: Characters,
        django_assert_max_num_queries: DjangoAssertNumQueries,
    ) -> None:
        actor = Actor(people.viewer)
        selectors.of_subject(actor, seen.subject)
        with django_assert_max_num_queries(2):
            selectors.of_subject(actor, seen.subject)
