"""Regular expressions of schemas, matched in bounded time.

A pattern that the linear engine takes runs there. One with look-around or back references (many
real schemas have them) runs in an engine that gives up after a bounded number of steps.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs

SIZE = 1_000_000  # bytes of one compiled pattern
STEPS = 20_000  # of the engine that backtracks
LINEAR = jsonschema_rs.RegexOptions(size_limit=SIZE)
BOUNDED = jsonschema_rs.FancyRegexOptions(backtrack_limit=STEPS, size_limit=SIZE)


@lru_cache(maxsize=512)
def _matcher(pattern: str) -> Any:
    for options in (LINEAR, BOUNDED):
        try:
            return jsonschema_rs.Draft7Validator(
                {"pattern": pattern}, offline=True, pattern_options=options
            )
        except ValueError:
            continue
    return None


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text; one that gives up or is not valid matches nothing."""
    matcher = _matcher(pattern)
    return matcher is not None and bool(matcher.is_valid(text))


def is_linear(pattern: str) -> bool:
    """Whether a pattern is valid and needs no engine that backtracks."""
    try:
        jsonschema_rs.Draft7Validator({"pattern": pattern}, offline=True, pattern_options=LINEAR)
    except ValueError:
        return False
    return True
