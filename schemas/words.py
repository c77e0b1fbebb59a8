"""The registry's words of state in those of the portal's vocabulary, which has icon and tone."""

from __future__ import annotations

from schemas.models import Subject

State = Subject.State
_LOOKS: dict[str, str] = {
    State.DRAFT: "proposed",
    State.ACTIVE: "active",
    State.DEPRECATED: "deprecated",
    State.SUNSET: "expired",
    State.RETIRED: "unchanged",
}
# What each step means to others, as the lifecycle page says it.
MEANINGS: dict[str, str] = {
    State.DRAFT: "Nobody should rely on it yet.",
    State.ACTIVE: "In use: others may build on it.",
    State.DEPRECATED: "Still there, but nobody should begin to use it.",
    State.SUNSET: "It ends on a date that everybody can see.",
    State.RETIRED: "It takes no new version; what is registered stays readable.",
}
# The steps, as buttons.
STEPS: dict[str, str] = {
    State.ACTIVE: "Make it active",
    State.DEPRECATED: "Deprecate",
    State.SUNSET: "Set its end",
    State.RETIRED: "Retire",
}


def look_of(subject: Subject) -> str:
    """The vocabulary's word for a subject's state."""
    return look_at(subject.state, subject.latest)


def look_at(state: str, latest: int) -> str:
    """As `look_of`, where a list has no models."""
    return "deleted" if not latest else _LOOKS.get(state, "unknown")


def side_of(kind: str) -> str:
    """Which way of a call a change of a service's description is about."""
    words = kind.split("_")
    return next((side for side in ("response", "request") if side.upper() in words), "operation")


def without_side(kind: str) -> str:
    """A kind in words, where the side of the call stands beside it already."""
    side = side_of(kind).upper()
    return kind_in_words(kind.removeprefix(f"{side}_"))


def kind_in_words(kind: str) -> str:
    """`READER_FIELD_MISSING_DEFAULT_VALUE` as people read it."""
    return kind.replace("_", " ").capitalize()
