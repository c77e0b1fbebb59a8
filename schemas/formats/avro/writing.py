"""Types to text: the canonical text that identifies a schema, its normal form, its fingerprint.

The canonical text is what Java's `Schema.toString` writes, which registries compare; the normal
form also sorts what people may order freely. The parsing canonical form and the 64-bit Rabin
fingerprint follow the specification's "Transforming into Parsing Canonical Form".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from schemas.formats.avro.defaults import simple_fits
from schemas.formats.avro.model import (
    MISSING,
    PRIMITIVE_KINDS,
    Array,
    Enum,
    Field,
    Fixed,
    Logical,
    MapOf,
    Named,
    Primitive,
    Props,
    Record,
    Type,
    Union,
)
from schemas.formats.avro.text import compact, quoted, single
from schemas.formats.base import TooComplex

_DEEPEST: Final = 150  # types in each other, with those of referenced schemas
_TYPE_WORDS: Final = PRIMITIVE_KINDS | {"record", "enum", "array", "map", "union", "fixed"}


class Writer:
    """One text; a name in `known` is written as a reference."""

    def __init__(self, known: Iterable[str] = (), *, normal: bool = False) -> None:
        self._known = set(known)
        self._normal = normal

    def write(self, node: Type, space: str = "") -> str:
        if isinstance(node, Named):
            return self._named(node, space)
        if isinstance(node, Union):
            return f"[{','.join(self.write(branch, space) for branch in node.branches)}]"
        if isinstance(node, Array):
            return f'{{"type":"array","items":{self.write(node.items, space)}{self._props(node)}}}'
        if isinstance(node, MapOf):
            return f'{{"type":"map","values":{self.write(node.values, space)}{self._props(node)}}}'
        if not node.props:
            return f'"{node.kind}"'
        return f'{{"type":"{node.kind}"{self._props(node)}}}'

    def _named(self, node: Record | Enum | Fixed, space: str) -> str:
        if node.full in self._known:
            return quoted(referred(node, space))
        self._known.add(node.full)
        kind = "error" if isinstance(node, Record) and node.is_error else node.kind
        parts = [f'"type":"{kind}"', f'"name":"{node.name}"']
        if node.namespace != space:
            parts.append(f'"namespace":"{node.namespace}"')
        if node.doc or (node.doc is not None and not self._normal):
            parts.append(f'"doc":{quoted(node.doc)}')
        parts.append(self._body(node))
        text = ",".join(parts) + self._props(node)
        if node.aliases:
            names = [_relative(alias, node.namespace) for alias in self._sorted(node.aliases)]
            text += f',"aliases":{compact(names)}'
        return f"{{{text}}}"

    def _body(self, node: Record | Enum | Fixed) -> str:
        if isinstance(node, Fixed):
            return f'"size":{node.size}'
        if isinstance(node, Enum):
            default = "" if node.default is None else f',"default":"{node.default}"'
            return f'"symbols":{compact(node.symbols)}{default}'
        return f'"fields":[{",".join(self._field(field, node.namespace) for field in node.fields)}]'

    def _field(self, field: Field, space: str) -> str:
        text = f'"name":"{field.name}","type":{self.write(field.type, space)}'
        if field.doc is not None:
            text += f',"doc":{quoted(field.doc)}'
        if field.default is not MISSING:
            text += f',"default":{self._default(field)}'
        if field.order != "ascending":
            text += f',"order":"{field.order}"'
        if field.aliases:
            text += f',"aliases":{compact(self._sorted(field.aliases))}'
        return f"{{{text}{self._pairs(field.props)}}}"

    def _default(self, field: Field) -> str:
        if self._normal:
            return compact(typed(field.type, field.default), sort=True)
        return compact(field.default)

    def _sorted(self, names: tuple[str, ...]) -> list[str]:
        return sorted(names) if self._normal else list(names)

    def _props(self, node: Primitive | Array | MapOf | Named) -> str:
        logical = node.logical if isinstance(node, Primitive | Fixed) else None
        return self._pairs(node.props, logical) if node.props else ""

    def _pairs(self, props: Props, logical: Logical | None = None) -> str:
        names = _normal_order(props, logical) if self._normal else props
        pairs = (f",{quoted(name)}:{compact(props[name], sort=self._normal)}" for name in names)
        return "".join(pairs)


def _normal_order(props: Props, logical: Logical | None) -> list[str]:
    """Sorted, but what a valid annotation says first; a scale of 0 says nothing."""
    first = ["logicalType"] if logical else []
    if logical and logical.name == "decimal":
        first += ["precision", "scale"] if logical.scale else ["precision"]
    return [*first, *sorted(props.keys() - set(first))]


def referred(node: Named, space: str) -> str:
    """A type's name where it is used: short in its own namespace unless a type word hides it."""
    return node.full if node.name in _TYPE_WORDS else _relative(node.full, space)


def _relative(full: str, space: str) -> str:
    namespace, _, name = full.rpartition(".")
    return name if namespace == space else full


def typed(node: Type, value: Any) -> Any:
    """A default as its type holds it: 1 of a double is 1.0."""
    if isinstance(node, Union):
        fitting = (branch for branch in node.branches if _could_be(branch, value))
        branch = next(fitting, None)
        return value if branch is None else typed(branch, value)
    if isinstance(node, Array) and isinstance(value, list):
        return [typed(node.items, entry) for entry in value]
    if isinstance(node, MapOf) and isinstance(value, dict):
        return {key: typed(node.values, entry) for key, entry in value.items()}
    if isinstance(node, Record) and isinstance(value, dict):
        types = {field.name: field.type for field in node.fields}
        return {k: typed(types[k], v) if k in types else v for k, v in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(node.kind, value)
    return value


def _number(kind: str, value: float) -> float:
    if kind == "float":
        return single(float(value))
    return float(value) if kind == "double" else value


def _could_be(node: Type, value: Any) -> bool:
    if isinstance(node, Array):
        return isinstance(value, list)
    if isinstance(node, MapOf | Record):
        return isinstance(value, dict)
    return simple_fits(node.kind, value)


class ParsingForm:
    """Parsing canonical form: full names, and only what a reader needs."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._depth = 0

    def write(self, node: Type) -> str:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooComplex(f"The schema leads through more than {_DEEPEST} types.")
        try:
            return self._type(node)
        finally:
            self._depth -= 1

    def _type(self, node: Type) -> str:
        if isinstance(node, Named):
            return self._named(node)
        if isinstance(node, Union):
            return f"[{','.join(map(self.write, node.branches))}]"
        if isinstance(node, Array):
            return f'{{"type":"array","items":{self.write(node.items)}}}'
        if isinstance(node, MapOf):
            return f'{{"type":"map","values":{self.write(node.values)}}}'
        return f'"{node.kind}"'

    def _named(self, node: Record | Enum | Fixed) -> str:
        if node.full in self._known:
            return f'"{node.full}"'
        self._known.add(node.full)
        if isinstance(node, Fixed):
            body = f'"size":{node.size}'
        elif isinstance(node, Enum):
            body = f'"symbols":{compact(node.symbols)}'
        else:
            fields = (f'{{"name":"{f.name}","type":{self.write(f.type)}}}' for f in node.fields)
            body = f'"fields":[{",".join(fields)}]'
        return f'{{"name":"{node.full}","type":"{node.kind}",{body}}}'


_EMPTY: Final = 0xC15D213AA4D7A795  # CRC-64-AVRO of nothing


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_EMPTY if value & 1 else 0)
        table.append(value)
    return table


_TABLE: Final = _table()


def rabin(data: bytes) -> int:
    """The 64-bit Rabin fingerprint, an unsigned number (specification, "Schema Fingerprints")."""
    value = _EMPTY
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value
