"""Pages by where the last one ended: whole, once each, both ways, whatever the cursor says."""

from __future__ import annotations

import pytest

from idp.common import keyset
from rbac.models import User

UP, DOWN = ("last_name", "username"), ("-last_name", "-username")


@pytest.fixture
def names(db: None) -> list[str]:
    people = [("b", "1"), ("a", "3"), ("a", "2"), ("c", "5"), ("b", "4")]
    for last, username in people:
        User.objects.create(username=username, last_name=last, email=f"{username}@example.test")
    return ["2", "3", "1", "4", "5"]


def page(order: tuple[str, ...], **cursors: str) -> keyset.Part[User]:
    return keyset.part(User.objects.filter(username__in="12345"), order, size=2, **cursors)


def shown(part: keyset.Part[User]) -> list[str]:
    return [row.username for row in part.rows]


@pytest.mark.parametrize("order", [UP, DOWN])
def test_there_and_back(names: list[str], order: tuple[str, ...]) -> None:
    expected = names if order is UP else names[::-1]
    first = page(order)
    second = page(order, after=first.later)
    last = page(order, after=second.later)
    assert shown(first) + shown(second) + shown(last) == expected
    assert (first.earlier, last.later) == ("", "")
    assert shown(page(order, before=last.earlier)) == expected[2:4]
    back = page(order, before=second.earlier)
    assert (shown(back), back.earlier) == (expected[:2], "")


def test_a_row_that_is_gone_is_still_a_place(names: list[str]) -> None:
    first = page(UP)
    User.objects.filter(username="3").delete()
    assert shown(page(UP, after=first.later)) == ["1", "4"]


def test_by_number(names: list[str]) -> None:
    first = page(("-pk",))
    assert first.later == str(first.rows[-1].pk)
    assert shown(page(("-pk",), after=first.later)) == ["2", "3"]


@pytest.mark.parametrize("cursor", ["x", "9" * 30, "²", "-1", "a~1", "\0"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_what_is_no_cursor_counts_for_none(names: list[str], cursor: str, side: str) -> None:
    assert shown(page(("-pk",), **{side: cursor})) == ["4", "5"]


def test_nothing_is_on_no_page(db: None) -> None:
    assert page(UP) == keyset.Part()
    assert page(UP, before="z~z") == keyset.Part()
