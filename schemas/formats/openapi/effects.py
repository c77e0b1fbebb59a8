"""What a change does to the values that a contract allows, and whom that hurts.

Every rule of this package names an effect; the level follows from it and from who sends the
value. The levels are those that oasdiff publishes for its checks (`docs/BREAKING-CHANGES.md`):
an error breaks clients that kept to the old contract, a warning may, information does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, NamedTuple

from schemas.formats.base import Budget, Difference, TooComplex
from schemas.formats.openapi.document import Node

MAX_DIFFERENCES = 20_000
_SHOWN = 80  # characters of a name in a sentence
_STEPS = 6  # of a deep path in a sentence


class Side(Enum):
    """Who sends the value: the client (a request) or the server (a response)."""

    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"

    @property
    def other(self) -> Side:
        return Side.RESPONSE if self is Side.REQUEST else Side.REQUEST


class Scope(Enum):
    """What carries the schema; part of a finding's kind."""

    BODY = "BODY"
    PROPERTY = "PROPERTY"
    PARAMETER = "PARAMETER"
    PARAMETER_PROPERTY = "PARAMETER_PROPERTY"
    HEADER = "HEADER"

    @property
    def inner(self) -> Scope:
        """The scope of what stands inside the root schema."""
        if self in {Scope.PARAMETER, Scope.PARAMETER_PROPERTY}:
            return Scope.PARAMETER_PROPERTY
        return Scope.HEADER if self is Scope.HEADER else Scope.PROPERTY


class Effect(Enum):
    WIDENS = "widens"
    NARROWS = "narrows"
    INCOMPARABLE = "incomparable"
    UNKNOWN = "unknown"
    NONE = "none"


class Level(NamedTuple):
    strict: bool
    lenient: bool


ERROR, WARNING, INFORMATION = Level(False, False), Level(False, True), Level(True, True)
_HARMFUL = {Side.REQUEST: Effect.NARROWS, Side.RESPONSE: Effect.WIDENS}


def level_of(effect: Effect, side: Side) -> Level:
    """Narrowing harms who sends, widening harms who receives."""
    if effect is Effect.INCOMPARABLE or effect is _HARMFUL[side]:
        return ERROR
    return WARNING if effect is Effect.UNKNOWN else INFORMATION


@dataclass(frozen=True)
class Context:
    """Where a comparison is: whose operation, in which direction, how deep."""

    operation: str = ""
    side: Side = Side.REQUEST
    scope: Scope = Scope.BODY
    path: tuple[str, ...] = ()
    typed: bool = True  # JSON tells 1 from "1"; a query string, a form and text do not
    muted: bool = False  # inside a read-only request property or a write-only response property
    forgiven: bool = False  # the operation was a draft: it may change in any way

    def down(self, step: str = "", *, muted: bool = False) -> Context:
        """Inside: one property, or the items of an array, further."""
        path = (*self.path[-_STEPS:], step) if step else self.path
        return replace(self, scope=self.scope.inner, path=path, muted=self.muted or muted)

    @property
    def key(self) -> tuple[Any, ...]:
        """What a finding inside a shared schema depends on, besides the schema."""
        return self.side, self.scope, self.typed, self.muted, self.forgiven

    @property
    def what(self) -> str:
        """How people call the value."""
        name = ".".join(self.path).replace(".[]", "[]").replace(".{}", "{}")[:_SHOWN]
        return f"`{name}`" if name else "the body"


class Findings:
    """What a comparison has found."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.found: list[Difference] = []
        self._told: set[tuple[Any, ...]] = set()

    def add(
        self,
        context: Context,
        kind: str,
        level: Level,
        places: tuple[Node, Node],
        *,
        values: tuple[Any, Any] = (None, None),
        advice: str = "",
    ) -> None:
        """Note a change between two places (old, new) with the values there (old, new)."""
        if len(self.found) >= MAX_DIFFERENCES:
            raise TooComplex(f"There are more than {MAX_DIFFERENCES:,} changes.")
        if context.forgiven:
            level = INFORMATION
        old, new = places
        told = "" if level.strict else advice
        key = (kind, level, new.pointer, old.pointer, *map(_brief, values))
        if key in self._told:
            return  # a shared schema that stands in several scopes
        self._told.add(key)
        self.found.append(Difference(kind, new.pointer, old.pointer, *values, *level, told))

    def effect(
        self,
        context: Context,
        rule: str,
        effect: Effect,
        places: tuple[Node, Node],
        *,
        keyword: str = "",
        values: tuple[Any, Any] = (None, None),
        told: tuple[str, str] = ("", ""),
    ) -> None:
        """Note what happened to a schema, or to a keyword of it.

        `told`: which values it is about, and what to do.
        """
        kind = f"{context.side.value}_{context.scope.value}_{rule}"
        places = _at(places[0], keyword), _at(places[1], keyword)
        level = INFORMATION if context.muted else level_of(effect, context.side)
        advice = _sentence(context, effect, *told)
        self.add(context, kind, level, places, values=values, advice=advice)


def _brief(value: Any) -> Any:
    """A short stand-in for a value; lists may be very long."""
    return len(value) if isinstance(value, list | dict | tuple) else value


def _at(node: Node, keyword: str) -> Node:
    return node.step(keyword, None) if keyword and keyword in node else node


def _sentence(context: Context, effect: Effect, values: str, remedy: str) -> str:
    where = f" of {context.operation}" if context.operation else ""
    may = "may be" if effect is Effect.UNKNOWN else "are"
    if context.side is Side.REQUEST:
        return f"Clients{where} that send {values} {may} refused: {remedy}."
    return f"Clients{where} may receive {values}, which they do not expect: {remedy}."
