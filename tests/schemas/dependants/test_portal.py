"""An environment's schemas on its page, and the calendar of ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from rbac.models import ApiToken, User
from schemas.dependants import checkins
from schemas.dependants.checkins import Word
from schemas.dependants.models import Role
from schemas.models import Subject
from schemas.traffic.models import SeenTraffic
from tests.rbac.factories import Characters
from tests.schemas.dependants.world import EVOLVED, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import html, signed_in
from tests.schemas.wire import token_of

pytestmark = pytest.mark.django_db
TAB = "/environments/orders/stage/?tab=schemas"


@pytest.fixture
def dana(people: Characters) -> User:
    return people.developer


@pytest.fixture
def client(dana: User) -> Client:
    return signed_in(dana)


def ends(name: str, days: int) -> None:
    day = timezone.now().date() + timedelta(days=days)
    Subject.objects.filter(name=name).update(state="sunset", sunset_on=day)


def test_what_is_deployed_and_said_stands_on_its_tab(client: Client, tier: Tier) -> None:
    register(tier.dana, NAME, EVOLVED)
    word = Word(subject=NAME, holder="exporter", role=Role.CONSUMER, version=1)
    checkins.check_in(tier.dana, tier.orders.scope, word)
    page = html(client, TAB)
    for said in ("orders-api", "exporter", "writes", "reads", "of 2", "<code>1.4.2</code>"):
        assert said in page
    assert "/environments/orders/stage/schemas/" in page


def test_who_is_only_seen_in_traffic_stands_there_too(
    client: Client, tier: Tier, people: Characters
) -> None:
    """Nobody twice: who is deployed there is known already."""
    token_of(people.developer)
    token = ApiToken.objects.get()
    common = {"token": token, "subject": tier.subject, "scope": tier.orders.scope}
    SeenTraffic.objects.create(role=Role.CONSUMER, holder="exporter", **common)
    SeenTraffic.objects.create(role=Role.PRODUCER, holder="orders-api", **common)
    page = html(client, TAB)
    part = page.partition("Only seen in the registry’s traffic")[2]
    assert "exporter" in part
    assert ">unknown<" in part
    assert "orders-api" not in part.partition("</table>")[0]
    SeenTraffic.objects.update(last_seen=timezone.now() - timedelta(days=31))
    assert "Only seen" not in html(client, TAB)


def test_another_projects_subject_is_not_named_to_who_may_not_see_it(
    readers: Tier, people: Characters
) -> None:
    """Billing's environment reads orders' subject, which billing's maintainer does not see."""
    stranger = people.stranger
    assert signed_in(stranger).get("/environments/billing/stage/?tab=schemas").status_code == 404
    page = html(signed_in(readers.owner), "/environments/billing/stage/?tab=schemas")
    assert NAME not in page
    assert "no schema that you can see" in page


def test_ends_stand_by_month_with_their_users(client: Client, recorded: Tier) -> None:
    assert "Nothing ends" in html(client, "/schemas/sunsets/")
    register(recorded.dana, "late-value", EVOLVED)
    ends(NAME, -3)
    ends("late-value", 400)
    page = html(client, "/schemas/sunsets/")
    assert page.index(NAME) < page.index("late-value")
    assert page.count('aria-labelledby="m-') == 2
    assert '<td data-label="used by">3</td>' in page


def test_nobody_sees_the_ends_of_others(people: Characters, recorded: Tier) -> None:
    ends(NAME, 20)
    assert NAME not in html(signed_in(people.stranger), "/schemas/sunsets/")
