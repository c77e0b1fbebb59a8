"""A query as a frozen tree. Times are milliseconds; labels' matchers include `__name__`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NAME = "__name__"


class Op(StrEnum):
    """How a matcher compares."""

    EQUAL = "="
    UNEQUAL = "!="
    MATCHES = "=~"
    DIFFERS = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that is not there has the empty value."""

    name: str
    op: Op
    value: str


class Edge(StrEnum):
    """`@ start()` and `@ end()`: the first and the last moment of the whole query."""

    START = "start()"
    END = "end()"


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Shift:
    """`@` and `offset` of a selector or subquery."""

    offset: int = 0
    at: int | Edge | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector from the store."""

    matchers: tuple[Matcher, ...]
    shift: Shift = Shift()


@dataclass(frozen=True, slots=True)
class Range:
    """`selector[range]`."""

    selector: Selector
    length: int


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expression[range:step]`; `step` 0 is the default one."""

    expression: Node
    length: int
    step: int
    shift: Shift = Shift()


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`without` says that `labels` are those that are left out."""

    operation: str
    expression: Node
    labels: tuple[str, ...] = ()
    without: bool = False
    parameter: Node | None = None


class Card(StrEnum):
    """How many samples of the two sides belong together."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"  # group_left
    ONE_TO_MANY = "one-to-many"  # group_right
    MANY_TO_MANY = "many-to-many"  # the set operators


@dataclass(frozen=True, slots=True)
class Matching:
    """Which labels have to be equal: `labels` alone (`on`), or all but those."""

    card: Card = Card.ONE_TO_ONE
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    operation: str
    left: Node
    right: Node
    matching: Matching = Matching()
    to_bool: bool = False


@dataclass(frozen=True, slots=True)
class Negative:
    expression: Node


Node = Number | Text | Selector | Range | Subquery | Call | Aggregate | Binary | Negative
SETS = frozenset({"and", "or", "unless"})
COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
