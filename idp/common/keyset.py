"""Pages of a list by where the page before ended: the thousandth costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

R = TypeVar("R", bound=Model)
MAX_CURSOR = 1_000
_DIGITS = 18
_NUMBERS = frozenset({"id", "pk"})
_BETWEEN = "~"  # stands in no name


@dataclass(frozen=True)
class Part(Generic[R]):
    """A page of a list, with the cursors of the pages before and after it ("" for none)."""

    rows: list[R] = field(default_factory=list)
    earlier: str = ""
    later: str = ""


def part(
    rows: QuerySet[R], order: Sequence[str], *, size: int, before: str = "", after: str = ""
) -> Part[R]:
    """A page of `rows` by the fields of `order`, which together are unique.

    Their names have a "-" all, or none. A cursor that is not ours counts for none.
    """
    down = order[0].startswith("-")
    names = [name.removeprefix("-") for name in order]
    start, end = _read(names, after), _read(names, before)
    if end is not None:
        kept = rows.filter(_beyond(names, end, "gt" if down else "lt"))
        found = list(kept.order_by(*(name if down else f"-{name}" for name in names))[: size + 1])
        more, found = len(found) > size, found[:size][::-1]
        return Part(found, _mark(names, found[:1]) if more else "", _mark(names, found[-1:]))
    if start is not None:
        rows = rows.filter(_beyond(names, start, "lt" if down else "gt"))
    found = list(rows.order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    earlier = _mark(names, found[:1]) if start is not None else ""
    return Part(found, earlier, _mark(names, found[-1:]) if more else "")


def _mark(names: Sequence[str], rows: Sequence[Model]) -> str:
    """Where a row stands, as the address says it; empty without one."""
    return _BETWEEN.join(str(_value(row, name)) for row in rows for name in names)


def _value(row: Model, name: str) -> Any:
    return reduce(getattr, name.split("__"), row)


def _read(names: Sequence[str], cursor: str) -> list[str | int] | None:
    texts = cursor[:MAX_CURSOR].replace("\0", "").split(_BETWEEN)
    if not cursor or len(texts) != len(names):
        return None
    found: list[str | int] = []
    for name, text in zip(names, texts, strict=True):
        if name not in _NUMBERS:
            found.append(text)
        elif text.isascii() and text.isdecimal() and len(text) <= _DIGITS:
            found.append(int(text))
        else:
            return None
    return found


def _beyond(names: Sequence[str], values: Sequence[str | int], side: str) -> Q:
    """Of rows in order, those after (`gt`) or before (`lt`) these values."""
    found = Q()
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        same = dict(zip(names[:at], values[:at], strict=True))
        found |= Q(**same, **{f"{name}__{side}": value})
    return found
