"""A plausible record of a schema: for pages, snippets and tests.

Unions are plain; recursive types end where they may; the size is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from schemas.formats.avro.model import (
    Array,
    Enum,
    Fixed,
    MapOf,
    Primitive,
    Record,
    Type,
    Union,
)
from schemas.formats.base import TooComplex

MAX_VALUES: Final = 20_000  # of one example
_DEEPEST: Final = 100  # values in each other
_SPARSE: Final = 500  # values after which lists stay empty and unions null
_LONG_FIXED: Final = 100_000  # bytes

_BY_LOGICAL: Final[dict[str, Any]] = {
    "date": 20_454,
    "time-millis": 43_200_000,
    "time-micros": 43_200_000_000,
    "timestamp-millis": 1_767_225_600_000,
    "timestamp-micros": 1_767_225_600_000_000,
    "timestamp-nanos": 1_767_225_600_000_000_000,
    "local-timestamp-millis": 1_767_225_600_000,
    "local-timestamp-micros": 1_767_225_600_000_000,
    "local-timestamp-nanos": 1_767_225_600_000_000_000,
    "uuid": "6f1f9a52-3c0e-4d61-9b7a-2d5f0c8e4b17",
    "decimal": "\x04\xd2",
}
_BY_KIND: Final[dict[str, Any]] = {
    "null": None,
    "boolean": True,
    "int": 42,
    "long": 1234,
    "float": 0.5,
    "double": 12.5,
    "bytes": "\x01\x02",
}
_BY_WORD: Final = {
    "email": "ada@example.com",
    "url": "https://example.com/",
    "currency": "EUR",
    "country": "NL",
    "city": "Utrecht",
    "phone": "+31 30 123 4567",
}


@dataclass
class Example:
    """One value; `_open` are the records that it stands in."""

    _open: set[int] = field(default_factory=set)
    _values: int = 0
    _depth: int = 0

    def of(self, node: Type, name: str = "") -> Any:
        """Raises `TooComplex` for a type that has no finite value or only very large ones."""
        self._values += 1
        if self._values > MAX_VALUES or self._depth > _DEEPEST:
            raise TooComplex("The smallest record of the schema is too large for an example.")
        self._depth += 1
        try:
            return self._any(node, name)
        finally:
            self._depth -= 1

    def _any(self, node: Type, name: str) -> Any:
        if isinstance(node, Record):
            return self._record(node)
        if isinstance(node, Union):
            return self._union(node, name)
        if isinstance(node, Array):
            return [] if self._sparse(node.items) else [self.of(node.items, name)]
        if isinstance(node, MapOf):
            return {} if self._sparse(node.values) else {"key": self.of(node.values, name)}
        return simple(node, name)

    def _sparse(self, node: Type) -> bool:
        """Whether an optional part is left out: it leads back, or the example is long enough."""
        if isinstance(node, Array | MapOf):
            return self._sparse(node.items if isinstance(node, Array) else node.values)
        if isinstance(node, Union):
            return not node.branches or all(self._sparse(branch) for branch in node.branches)
        return id(node) in self._open or self._values > _SPARSE

    def _record(self, node: Record) -> dict[str, Any]:
        if id(node) in self._open:
            raise TooComplex(f"A record {node.full} would have to contain itself.")
        self._open.add(id(node))
        try:
            return {one.name: self.of(one.type, one.name) for one in node.fields}
        finally:
            self._open.discard(id(node))

    def _union(self, node: Union, name: str) -> Any:
        """The first branch that is not null and comes to an end."""
        dull = [branch for branch in node.branches if branch.kind == "null"]
        rich = [branch for branch in node.branches if branch.kind != "null"]
        error = TooComplex("An empty union has no value.")
        order = [*dull, *rich] if self._values > _SPARSE else [*rich, *dull]
        for branch in order:
            try:
                return self.of(branch, name)
            except TooComplex as exc:
                error = exc
        raise error


def simple(node: Primitive | Enum | Fixed, name: str) -> Any:
    """A value without parts, by annotation, name and kind."""
    if isinstance(node, Enum):
        if not node.symbols:
            raise TooComplex(f"The enum {node.full} has no symbols.")
        return node.symbols[0]
    if isinstance(node, Fixed):
        if node.size > _LONG_FIXED:
            raise TooComplex(f"{node.full} has {node.size:,} bytes.")
        return "\x00" * node.size
    if node.logical and node.logical.name in _BY_LOGICAL:
        return _BY_LOGICAL[node.logical.name]
    if node.kind == "string":
        lowered = name.lower()
        return next((text for word, text in _BY_WORD.items() if word in lowered), name or "text")
    return _BY_KIND[node.kind]


def example(root: Type) -> Any:
    """A value that `check_record` finds no fault with; raises `TooComplex` when there is none."""
    return Example().of(root)
