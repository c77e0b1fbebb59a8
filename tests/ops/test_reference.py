"""The reference pages in docs/ say what the code says."""

from collections.abc import Callable

import pytest
from django.conf import settings

from idp.reference import PAGES, permissions_page, rest_page, states_page


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "make"), PAGES.items())
def test_the_page_is_fresh(name: str, make: Callable[[], str]) -> None:
    kept = (settings.BASE_DIR / "docs" / "reference" / name).read_text()
    assert kept == make(), "run `make docs` and commit what it writes"


def test_permissions_name_the_roles_that_hold_them() -> None:
    row = next(line for line in permissions_page().splitlines() if "`change.approve`" in line)
    assert "maintainer" in row
    assert "viewer" not in row


def test_states_are_those_of_the_tables() -> None:
    assert "| `waiting` | `applying`, `cancelled`, `planning`, `refused` |" in (states_page())


@pytest.mark.django_db
def test_rest_names_the_permission_of_a_route() -> None:
    assert "| `/api/v1/waivers/<int:pk>/grant/` | `gate.waive` |" in rest_page()
