"""Media types of bodies and answers: which are the same, which came and which went.

A media type is what the client chooses or has to understand, so on either side one that is gone
hurts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import (
    ERROR,
    INFORMATION,
    Context,
    Effect,
    Findings,
    Level,
    Side,
    level_of,
)
from schemas.formats.openapi.schemas import Walk

_PREFIX = {Side.REQUEST: "REQUEST_BODY_MEDIA_TYPE", Side.RESPONSE: "RESPONSE_MEDIA_TYPE"}


@dataclass(frozen=True)
class MediaType:
    name: str
    parameters: frozenset[str]

    @classmethod
    def of(cls, text: str) -> MediaType:
        name, *parameters = (part.strip().lower() for part in text.split(";"))
        return cls(name, frozenset(part for part in parameters if part))

    @property
    def is_json(self) -> bool:
        """Whether it tells a number from a text that looks like one."""
        return self.name == "application/json" or self.name.endswith("+json")

    def covers(self, other: MediaType) -> bool:
        """Whether the other is a kind of this one."""
        return self.parameters <= other.parameters and _covers(self.name, other.name)


def _covers(wide: str, narrow: str) -> bool:
    if wide in {narrow, "*/*"}:
        return True
    family, _, kind = wide.partition("/")
    other_family, _, other = narrow.partition("/")
    return family == other_family and (kind == "*" or other.endswith(f"+{kind}"))


def compare_media(walk: Walk, context: Context, places: tuple[Node, Node]) -> None:
    """Compare the `content` of two bodies or answers."""
    old, new = places
    before = {MediaType.of(name): node for name, node in old.members("content").items()}
    after = {MediaType.of(name): node for name, node in new.members("content").items()}
    for kind in [kind for kind in before if kind in after]:
        _schemas(walk, context, kind, (before.pop(kind), after.pop(kind)))
    for kind, node in list(before.items()):
        other = _renamed(kind, after)
        if other is not None:
            del before[kind]
            _rename(walk.found, context, (kind, other), (node, after[other]))
            _schemas(walk, context, other, (node, after.pop(other)))
    prefix = _PREFIX[context.side]
    for kind, node in before.items():
        verb = "send" if context.side is Side.REQUEST else "ask for"
        advice = (
            f"Clients of {context.operation} that {verb} `{kind.name[:80]}` are refused:"
            " go on accepting it."
        )
        walk.found.add(context, f"{prefix}_REMOVED", ERROR, (node, new), advice=advice)
    for node in after.values():
        walk.found.add(context, f"{prefix}_ADDED", INFORMATION, (old, node))


def _renamed(kind: MediaType, others: dict[MediaType, Node]) -> MediaType | None:
    """The media type that took the place of one: a wider or narrower name for it."""
    return next(
        (o for o in others if o.name == kind.name or o.covers(kind) or kind.covers(o)), None
    )


def _rename(
    found: Findings,
    context: Context,
    kinds: tuple[MediaType, MediaType],
    places: tuple[Node, Node],
) -> None:
    old, new = kinds
    if new.covers(old):
        name, effect = "NAME_GENERALIZED", Effect.WIDENS
    elif old.covers(new):
        name, effect = "NAME_SPECIALIZED", Effect.NARROWS
    else:
        name, effect = "NAME_CHANGED", Effect.INCOMPARABLE
    level: Level = level_of(effect, context.side)
    advice = f"Clients of {context.operation} know `{old.name[:80]}` only: keep that name."
    kind = f"{_PREFIX[context.side]}_{name}"
    found.add(context, kind, level, places, values=(old.name, new.name), advice=advice)


def _schemas(walk: Walk, context: Context, kind: MediaType, places: tuple[Node, Node]) -> None:
    before, after = (place.get("schema") for place in places)
    inner = replace(context, typed=kind.is_json)
    if before is not None and after is not None:
        walk.compare(before, after, inner)
    elif before is not after:
        way, effect = ("ADDED", Effect.NARROWS) if before is None else ("REMOVED", Effect.WIDENS)
        side = context.side.value
        if context.side is Side.REQUEST:
            told = f"Clients of {context.operation} that send other bodies are refused"
        else:
            told = f"Clients of {context.operation} no longer know what they get"
        walk.found.add(
            context,
            f"{side}_BODY_MEDIA_TYPE_SCHEMA_{way}",
            level_of(effect, context.side),
            places,
            advice=f"{told}: describe exactly what was accepted before.",
        )
