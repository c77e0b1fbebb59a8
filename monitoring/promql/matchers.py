"""Matchers as a test of labels; patterns match the whole value, by RE2."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import re2

from monitoring.promql.tree import Matcher, Op
from monitoring.promql.values import Labels


@lru_cache(maxsize=1_000)
def whole(pattern: str) -> Any:
    """The pattern, anchored at both ends; `.` matches a line's end, too."""
    return re2.compile(f"^(?s:{pattern})$")


def test_of(matcher: Matcher) -> Callable[[str], bool]:
    """Whether a label's value fits; the value of a label that is not there is empty."""
    value = matcher.value
    match matcher.op:
        case Op.EQUAL:
            return lambda found: found == value
        case Op.UNEQUAL:
            return lambda found: found != value
    pattern = whole(value)
    if matcher.op is Op.MATCHES:
        return lambda found: pattern.search(found) is not None
    return lambda found: pattern.search(found) is None


def fits(matchers: Sequence[Matcher]) -> Callable[[Labels], bool]:
    """Whether labels fit all matchers."""
    tests = [(matcher.name, test_of(matcher)) for matcher in matchers]

    def test(labels: Labels) -> bool:
        known = dict(labels)
        return all(fit(known.get(name, "")) for name, fit in tests)

    return test
