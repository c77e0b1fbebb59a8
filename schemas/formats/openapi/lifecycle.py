"""Deprecation, sunset dates and stability: what an author announced before a change.

The extensions are oasdiff's and Zalando's: `x-sunset` (an RFC 3339 date) and
`x-stability-level`. Verdicts on removals depend on the day on which they are asked for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import Enum

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import ERROR, INFORMATION, Context, Findings

_STABILITY = {"draft": 0, "alpha": 1, "beta": 2, "stable": 3}
_DATE = 10  # characters of an ISO date; a time may follow


class Removal(Enum):
    SUDDEN = "without deprecation"
    ANNOUNCED = "deprecated, and its sunset has passed or was never set"
    EARLY = "before its sunset"
    UNREADABLE = "deprecated with a sunset that is no date"


def sunset_of(node: Node) -> str | None:
    """The text of the sunset; None when there is none."""
    value = node.raw("x-sunset", node.raw("sunset"))
    return None if value is None else str(value)


def parse_sunset(text: str) -> date | None:
    """The day; None when the text is no date."""
    try:
        return date.fromisoformat(text[:_DATE]) if len(text) >= _DATE else None
    except ValueError:
        return None


def today() -> date:
    return datetime.now(UTC).date()


def removal(node: Node) -> Removal:
    """How the removal of something was announced."""
    if node.raw("deprecated") is not True:
        return Removal.SUDDEN
    text = sunset_of(node)
    if text is None:
        return Removal.ANNOUNCED
    day = parse_sunset(text)
    if day is None:
        return Removal.UNREADABLE
    return Removal.EARLY if today() < day else Removal.ANNOUNCED


def stability(node: Node) -> int | None:
    """How far an operation commits itself; None when it does not say."""
    return _STABILITY.get(node.text("x-stability-level"))


def is_draft(node: Node) -> bool:
    """Drafts and alphas promise nothing."""
    level = stability(node)
    return level is not None and level <= _STABILITY["alpha"]


def compare_lifecycle(
    found: Findings, context: Context, places: tuple[Node, Node], prefix: str, what: str
) -> None:
    """Note deprecation, reactivation and changes of the sunset. `prefix` begins the kinds."""
    before, after = (place.raw("deprecated") is True for place in places)
    if before and not after:
        found.add(context, f"{prefix}_REACTIVATED", INFORMATION, places)
    if after and not before:
        found.add(context, f"{prefix}_DEPRECATED", INFORMATION, places)
    if after:
        _sunset(found, context, places, (prefix, what))


def _sunset(
    found: Findings, context: Context, places: tuple[Node, Node], names: tuple[str, str]
) -> None:
    before, after = (sunset_of(place) for place in places)
    prefix, what = names
    if before == after:
        return
    values = before, after
    if after is None:
        advice = f"Clients no longer know until when they may use {what}: keep its sunset."
        found.add(context, f"{prefix}_SUNSET_DELETED", ERROR, places, values=values, advice=advice)
        return
    day, earlier = parse_sunset(after), parse_sunset(before or "")
    if day is None or (before is not None and earlier is None):
        advice = f"Clients cannot read the sunset of {what}: write it as 2030-12-31."
        found.add(context, f"{prefix}_SUNSET_PARSE", ERROR, places, values=values, advice=advice)
    elif earlier is not None and day < earlier:
        advice = f"Clients may use {what} until {earlier}: do not move its sunset forward."
        kind = f"{prefix}_SUNSET_DATE_CHANGED_TOO_SMALL"
        found.add(context, kind, ERROR, places, values=values, advice=advice)
    else:
        found.add(context, f"{prefix}_SUNSET_CHANGED", INFORMATION, places, values=values)


def compare_stability(
    found: Findings, context: Context, places: tuple[Node, Node], what: str
) -> None:
    before, after = (stability(place) for place in places)
    if before is None or after is None or before == after:
        return
    values = places[0].raw("x-stability-level"), places[1].raw("x-stability-level")
    if after > before:
        found.add(context, "API_STABILITY_INCREASED", INFORMATION, places, values=values)
        return
    advice = f"Clients rely on {what} as {values[0]}: do not lower its stability."
    found.add(context, "API_STABILITY_DECREASED", ERROR, places, values=values, advice=advice)
