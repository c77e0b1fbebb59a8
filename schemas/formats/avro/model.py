"""An Avro schema in memory: types, named types and fields, as the parser builds them.

Nodes are compared by identity; nobody changes one after its parse. Named types know where their
text defines them, so that a reference by name points at the definition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Final

Props = Mapping[str, Any]

_SHOWN: Final = 4  # branches of a union in a description
MISSING: Final = object()  # null is a default of its own

PRIMITIVE_KINDS: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
)


@dataclass(frozen=True, slots=True)
class Logical:
    """A valid annotation; an invalid one is ignored (specification, "Logical Types")."""

    name: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision}, {self.scale})" if self.name == "decimal" else self.name


@dataclass(slots=True, eq=False)
class Primitive:
    kind: str
    props: Props = field(default_factory=dict)
    logical: Logical | None = None


@dataclass(slots=True, eq=False)
class Array:
    kind: ClassVar[str] = "array"
    items: Type
    props: Props = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class MapOf:
    kind: ClassVar[str] = "map"
    values: Type
    props: Props = field(default_factory=dict)


@dataclass(eq=False)
class Union:
    kind: ClassVar[str] = "union"
    branches: tuple[Type, ...]

    @cached_property
    def by_kind(self) -> dict[str, int]:
        """Positions of the unnamed branches: a union holds one of each kind."""
        return {
            branch.kind: index
            for index, branch in enumerate(self.branches)
            if not isinstance(branch, Named)
        }

    @cached_property
    def by_name(self) -> dict[tuple[str, str], list[tuple[int, Named]]]:
        """Named branches with their positions, by kind and unqualified name or alias."""
        found: dict[tuple[str, str], list[tuple[int, Named]]] = {}
        for index, branch in enumerate(self.branches):
            if isinstance(branch, Named):
                for name in {branch.name, *branch.aliases}:
                    found.setdefault((branch.kind, name), []).append((index, branch))
        return found

    @cached_property
    def tags(self) -> dict[str, int]:
        """Positions by the name that the JSON encoding writes beside a value."""
        return {label(branch): index for index, branch in enumerate(self.branches)}


@dataclass(slots=True, eq=False, kw_only=True)
class Named:
    """A type with a name; `at` is where its text defines it, None in another schema's text."""

    kind: ClassVar[str] = ""
    name: str
    namespace: str
    at: str | None
    aliases: tuple[str, ...] = ()  # full names
    doc: str | None = None
    props: Props = field(default_factory=dict)
    logical: Logical | None = None

    @property
    def full(self) -> str:
        return f"{self.namespace}.{self.name}" if self.namespace else self.name


@dataclass(slots=True, eq=False)
class Field:
    name: str
    type: Type
    default: Any = MISSING
    doc: str | None = None
    order: str = "ascending"
    aliases: tuple[str, ...] = ()
    props: Props = field(default_factory=dict)

    @property
    def has_default(self) -> bool:
        return self.default is not MISSING


@dataclass(slots=True, eq=False, kw_only=True)
class Record(Named):
    kind: ClassVar[str] = "record"
    fields: tuple[Field, ...] = ()
    positions: dict[str, int] = field(default_factory=dict)
    is_error: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Enum(Named):
    kind: ClassVar[str] = "enum"
    symbols: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    default: str | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Fixed(Named):
    kind: ClassVar[str] = "fixed"
    size: int = 0


NamedType = Record | Enum | Fixed
Type = Primitive | Array | MapOf | Union | NamedType

PRIMITIVES: Final = {kind: Primitive(kind) for kind in PRIMITIVE_KINDS}


def alike(one: Type, other: Type) -> bool:
    """Whether two types are equal at a glance; named types are not looked into."""
    if one is other:
        return True
    if isinstance(one, Primitive) and isinstance(other, Primitive):
        return one.kind == other.kind and one.props == other.props
    if isinstance(one, Union) and isinstance(other, Union):
        pairs = zip(one.branches, other.branches, strict=False)
        return len(one.branches) == len(other.branches) and all(alike(*pair) for pair in pairs)
    if isinstance(one, Array) and isinstance(other, Array):
        return one.props == other.props and alike(one.items, other.items)
    if isinstance(one, MapOf) and isinstance(other, MapOf):
        return one.props == other.props and alike(one.values, other.values)
    return False


def label(node: Type) -> str:
    """The name of a union's branch: a full name, or the kind of an unnamed type."""
    if isinstance(node, Named):
        return node.full
    return node.kind


def described(node: Type) -> str:
    """A type in a few words, for people."""
    if isinstance(node, Union):
        shown = [label(branch) for branch in node.branches[:_SHOWN]]
        return f"union of {', '.join([*shown, '…'] if len(node.branches) > _SHOWN else shown)}"
    if isinstance(node, Named):
        return f"{node.kind} {node.full}"
    if isinstance(node, Array):
        return f"array of {label(node.items)}"
    if isinstance(node, MapOf):
        return f"map of {label(node.values)}"
    return f"{node.kind} ({node.logical})" if node.logical else node.kind
