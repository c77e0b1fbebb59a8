"""Variables put into the texts of a value, wherever in it they stand.

At planning names that are not known yet stay as they are written; whoever runs the job puts in
the rest by the same function, `final`, and what is not set then is empty.

https://docs.gitlab.com/ci/variables/where_variables_can_be_used/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from pipelines.engine.problems import Where
from pipelines.engine.variables import references, substitute

T = TypeVar("T")
Put = Callable[[str], str]
# Fields of any value that are read as they stand: words of the language, not of a person.
LITERAL = frozenset({"where", "when", "exit_codes", "kind", "coverage"})


def putter(values: Mapping[str, str], where: Where, *, final: bool = False) -> Put:
    """Puts variables into one text; `final` leaves nothing where a name is not known."""

    def put(text: str) -> str:
        if "$" not in text and "%" not in text:
            return text
        known = values
        if final:
            known = {**dict.fromkeys(references(text), ""), **values}
        return substitute(text, known, where)

    return put


@lru_cache(maxsize=200)
def _names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.name not in LITERAL)


def expanded(value: T, put: Put) -> T:
    """The value with variables put into its texts; the same object where nothing changed."""
    found: Any = _expanded(value, put)
    return found  # type: ignore[no-any-return]  # the same kind as the value


def _expanded(value: Any, put: Put) -> Any:
    if isinstance(value, str):
        return put(value)
    if isinstance(value, tuple):
        new = tuple(_expanded(one, put) for one in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {
        name: found
        for name in _names(type(value))
        if (found := _expanded(old := getattr(value, name), put)) is not old
    }
    return replace(value, **changed) if changed else value
