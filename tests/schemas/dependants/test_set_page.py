"""Setting an environment's schemas in the page."""

from __future__ import annotations

import pytest

from environments import selectors
from rbac.models import User
from tests.schemas.dependants.world import EVOLVED, NAME, Tier
from tests.schemas.factories import register
from tests.schemas.pages import html, posted, signed_in

pytestmark = pytest.mark.django_db
PAGE = "/environments/orders/stage/schemas/"


@pytest.fixture
def dana(tier: Tier) -> User:
    assert tier.dana.user is not None
    return tier.dana.user


def sent(dana: User, tier: Tier, **given: str) -> dict[str, str]:
    source = selectors.source(tier.orders.environment)
    return {"tree": source.tree, "workload": "web", "consumes": "", "image": "", **given}


def test_it_shows_what_stands_there(dana: User) -> None:
    page = html(signed_in(dana), PAGE)
    assert "orders-value 1</textarea>" in page
    assert "Set schemas" in html(signed_in(dana), "/environments/orders/stage/")


def test_it_ends_on_the_plan(dana: User, tier: Tier) -> None:
    register(tier.dana, NAME, EVOLVED)
    where = posted(signed_in(dana), PAGE, 302, **sent(dana, tier, produces="orders-value 2"))
    assert where.endswith("/plan/")


def test_a_bad_line_stands_beside_its_field(dana: User, tier: Tier) -> None:
    page = posted(signed_in(dana), PAGE, 422, **sent(dana, tier, produces="orders-value latest"))
    assert "the version is a number, not “latest”" in page
    assert "orders-value latest</textarea>" in page, "nothing that was typed is lost"


def test_an_unknown_subject_is_refused(dana: User, tier: Tier) -> None:
    page = posted(signed_in(dana), PAGE, 422, **sent(dana, tier, produces="order-value 1"))
    assert "order-value" in page
