"""The home page's panel of ends: what is my teams', and what my teams' components read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.models import Component
from rbac.actors import NOBODY, Actor
from rbac.models import ApiToken, Team, User
from schemas.dependants import checkins, ends
from schemas.dependants.checkins import Word
from schemas.dependants.models import CheckIn, DeployedVersion, Role
from schemas.models import Context, Subject
from schemas.traffic.models import SeenTraffic
from tests.rbac.factories import Characters, bind, member_of
from tests.schemas.dependants.test_portal import ends as end_in
from tests.schemas.dependants.world import FULL, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import html, signed_in
from tests.schemas.wire import token_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def bea(recorded: Tier) -> User:
    """Of team billing, whose component reads the subject of team orders."""
    user = member_of(recorded.billing.project.team, "bea.billing")
    bind("viewer", recorded.orders.project.scope, user=user)
    return user


def shown(user: User) -> list[dict[str, Any]]:
    found = ends.panel(Actor(user))
    return list(found["rows"]) if found else []


class TestOwned:
    @pytest.mark.parametrize(("days", "there"), [(30, True), (31, False), (0, True), (-5, True)])
    def test_what_my_team_owns_ends_soon(self, recorded: Tier, days: int, there: bool) -> None:
        end_in(NAME, days)
        assert recorded.dana.user is not None
        found = shown(recorded.dana.user)
        assert bool(found) is there
        assert [row["over"] for row in found] == [days < 0] * len(found)

    def test_what_is_not_ending_is_nothing(self, recorded: Tier) -> None:
        assert recorded.dana.user is not None
        assert ends.panel(recorded.dana) is None
        assert ends.panel(NOBODY) is None

    def test_what_others_own_is_none_of_mine(self, recorded: Tier, people: Characters) -> None:
        end_in(NAME, 3)
        Subject.objects.update(owner=Team.objects.create(name="far-away"))
        Component.objects.all().delete()
        for user in (people.developer, people.administrator, people.stranger):
            assert shown(user) == []


class TestRead:
    def test_what_our_component_was_deployed_to_read(self, recorded: Tier, bea: User) -> None:
        end_in(NAME, 3)
        (row,) = shown(bea)
        assert (row["reader"], row["subject"].owned) == ("billing-api", False)

    def test_who_may_not_see_the_subject_learns_nothing(self, recorded: Tier) -> None:
        end_in(NAME, 3)
        assert shown(member_of(recorded.billing.project.team, "blind.billing")) == []

    def test_by_check_in_traffic_and_catalog(
        self, recorded: Tier, bea: User, people: Characters
    ) -> None:
        end_in(NAME, 3)
        DeployedVersion.objects.all().delete()
        assert shown(bea) == []
        component = Component.objects.get(name="billing-api")
        word = Word(NAME, "billing-api", Role.CONSUMER, 1)
        checkins.check_in(Actor(people.administrator), recorded.billing.scope, word)
        assert shown(bea)[0]["reader"] == "billing-api"
        CheckIn.objects.update(expires_at=timezone.now() - timedelta(hours=1))
        assert shown(bea) == []
        token_of(people.developer)
        SeenTraffic.objects.create(
            token=ApiToken.objects.get(),
            subject=recorded.subject,
            role=Role.CONSUMER,
            holder="billing-api",
            component=component,
        )
        assert shown(bea)[0]["reader"] == "billing-api"
        SeenTraffic.objects.update(role=Role.PRODUCER)
        assert shown(bea) == []
        component.consumes_apis = ["more", NAME]
        component.save()
        assert shown(bea)[0]["reader"] == "billing-api"
        component.consumes_apis = [f"{NAME}-2", f"my-{NAME}"]
        component.save()
        assert shown(bea) == []

    def test_the_catalog_means_the_default_context(
        self, recorded: Tier, bea: User, people: Characters
    ) -> None:
        DeployedVersion.objects.all().delete()
        other = register(Actor(people.developer), f":.blue:{NAME}", FULL)
        Subject.objects.filter(pk=other.pk).update(
            state="sunset", sunset_on=timezone.now().date(), owner=recorded.billing.project.team
        )
        Component.objects.filter(name="billing-api").update(consumes_apis=[NAME])
        assert Context.objects.filter(name=".blue").exists()
        (row,) = shown(bea)
        assert (row["subject"].owned, row["reader"]) == (True, None)


class TestPage:
    def test_home_says_it(self, recorded: Tier, bea: User, client: Client) -> None:
        end_in(NAME, 3)
        page = html(signed_in(bea), "/")
        assert "Schemas that end" in page
        assert "billing-api reads it" in page
        assert "A schema ends soon." in page

    def test_many_are_cut(self, recorded: Tier, people: Characters) -> None:
        for number in range(ends.MAX_ROWS + 1):
            register(Actor(people.developer), f"s{number}", FULL)
            end_in(f"s{number}", number)
        found = ends.panel(Actor(people.developer))
        assert found is not None
        assert (len(found["rows"]), found["more"]) == (ends.MAX_ROWS, True)
        assert [str(row["subject"]) for row in found["rows"]] == [f"s{n}" for n in range(6)]
        assert "All in the sunset calendar" in html(signed_in(people.developer), "/")

    def test_it_is_one_query(
        self, recorded: Tier, bea: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        end_in(NAME, 3)
        actor = Actor(bea)
        ends.panel(actor)
        with django_assert_num_queries(1):
            assert ends.panel(actor)
