"""Text to types: every rule of the Avro 1.12 specification that makes a schema a schema.

Where the specification is silent the parser does as Java's: it is what registries run on. Errors
carry an RFC 6901 pointer into the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from schemas.formats.avro.logical import logical_of
from schemas.formats.avro.model import (
    MISSING,
    PRIMITIVE_KINDS,
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    MapOf,
    Named,
    NamedType,
    Primitive,
    Props,
    Record,
    Type,
    Union,
)
from schemas.formats.avro.text import number_of
from schemas.formats.base import Budget, InvalidSchema

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FULL_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_RESERVED: Final = frozenset(
    ["aliases", "doc", "fields", "items", "name", "namespace", "size", "symbols", "type", "values"]
)
_ENUM_RESERVED: Final = _RESERVED | {"default"}
_FIELD_RESERVED: Final = frozenset(["aliases", "default", "doc", "name", "order", "type"])
_USUAL: Final = 2  # members of a field: name and type
_NULL: Final = PRIMITIVES["null"]
_ORDERS: Final = frozenset({"ascending", "descending", "ignore"})
_MAX_FIXED: Final = 2**31 - 9  # what an array holds in the JVM
_NAME_RULE: Final = "a letter or underscore, then letters, digits and underscores"


class Parser:
    """Types of several texts that share their names; `fields` are those whose default is due."""

    def __init__(self, budget: Budget) -> None:
        self.names: dict[str, NamedType] = {}
        self.defaults: list[tuple[Field, str]] = []
        self._budget = budget
        self._foreign = False
        self._foreign_documents: dict[str, dict[str, Any]] = {}
        self._makers: dict[str, Callable[[dict[str, Any], str, str], Type]] = {
            "record": self._record,
            "error": self._record,
            "enum": self._enum,
            "fixed": self._fixed,
            "array": self._array,
            "map": self._map,
        }

    def parse(self, document: Any, *, foreign: bool = False) -> Type:
        """The type of one document; names of a foreign one have no place in the main text."""
        self._foreign = foreign
        return self._type(document, "", "")

    def _type(self, document: Any, space: str, at: str) -> Type:
        if isinstance(document, str):
            return PRIMITIVES.get(document) or self._reference(document, space, at)
        self._budget.spend()
        if isinstance(document, dict):
            return self._complex(document, space, at)
        if isinstance(document, list):
            return self._union(document, space, at)
        raise InvalidSchema.at(at, "type", "a type is a name, an object or a list (a union)")

    def _reference(self, name: str, space: str, at: str) -> Type:
        found = self.names.get(f"{space}.{name}") if space and "." not in name else None
        found = found or self.names.get(name)
        if found is not None:
            return found
        raise InvalidSchema.at(
            at,
            "unknown_type",
            f"no type is named “{name[:200]}”",
            "Define it before its first use, or refer to the schema that defines it.",
        )

    def _complex(self, document: dict[str, Any], space: str, at: str) -> Type:
        kind = document.get("type")
        if not isinstance(kind, str):
            _refuse(f"{at}/type" if "type" in document else at, "type", "`type` has to be a name")
        if kind in PRIMITIVE_KINDS:
            props = _props(document, _RESERVED)
            return Primitive(kind, props, logical_of(kind, props)) if props else PRIMITIVES[kind]
        if maker := self._makers.get(kind):
            return maker(document, space, at)
        return self._reference(kind, space, f"{at}/type")

    def _union(self, document: list[Any], space: str, at: str) -> Union:
        branches: list[Type] = []
        seen: set[str] = set()
        for index, entry in enumerate(document):
            primitive = PRIMITIVES.get(entry) if isinstance(entry, str) else None
            branch = primitive or self._type(entry, space, f"{at}/{index}")
            name = branch.full if isinstance(branch, Named) else branch.kind
            if name in seen:
                _refuse(f"{at}/{index}", "duplicate_branch", f"the union already has {name}")
            if name == "union":
                _refuse(f"{at}/{index}", "nested_union", "a union may not stand in a union")
            seen.add(name)
            branches.append(branch)
        return Union(tuple(branches))

    def _array(self, document: dict[str, Any], space: str, at: str) -> Array:
        if "items" not in document:
            _refuse(at, "required", "an array needs `items`")
        items = self._type(document["items"], space, f"{at}/items")
        return Array(items, _props(document, _RESERVED))

    def _map(self, document: dict[str, Any], space: str, at: str) -> MapOf:
        if "values" not in document:
            _refuse(at, "required", "a map needs `values`")
        values = self._type(document["values"], space, f"{at}/values")
        return MapOf(values, _props(document, _RESERVED))

    def _record(self, document: dict[str, Any], space: str, at: str) -> Record:
        record = Record(
            **self._naming(document, space, at),
            props=_props(document, _RESERVED),
            is_error=document["type"] == "error",
        )
        entries = document.get("fields")
        if not isinstance(entries, list):
            _refuse(at, "required", "a record needs `fields`, a list")
        self._define(record, document, at)
        fields = []
        for index, entry in enumerate(entries):
            field = self._field(entry, record.namespace, at, index)
            if field.name in record.positions:
                pointer = f"{at}/fields/{index}/name"
                _refuse(pointer, "duplicate_field", f"the record already has a field {field.name}")
            record.positions[field.name] = index
            fields.append(field)
        record.fields = tuple(fields)
        return record

    def _field(self, entry: Any, space: str, record_at: str, index: int) -> Field:
        if not isinstance(entry, dict):
            _refuse(f"{record_at}/fields/{index}", "type", "a field is an object")
        name = entry.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            pointer = f"{record_at}/fields/{index}" + ("/name" if "name" in entry else "")
            _refuse(pointer, "name", f"a field's name: {_NAME_RULE}")
        kind, doc, default = entry.get("type"), entry.get("doc"), entry.get("default", MISSING)
        at = f"{record_at}/fields/{index}"
        if kind is None and "type" not in entry:
            _refuse(at, "required", f"the field {name} needs a `type`")
        primitive = PRIMITIVES.get(kind) if isinstance(kind, str) else None
        node = primitive or self._type(kind, space, f"{at}/type")
        field = Field(name, node, default, doc if isinstance(doc, str) else None)
        if default is not MISSING:
            self._default(field, at)
        if len(entry) > _USUAL + (doc is not None) + (default is not MISSING):
            self._rarer(field, entry, at)
        return field

    def _rarer(self, field: Field, entry: dict[str, Any], at: str) -> None:
        if "order" in entry:
            field.order = _order(entry["order"], at)
        field.aliases = _aliases(entry, at)
        field.props = _props(entry, _FIELD_RESERVED)

    def _default(self, field: Field, at: str) -> None:
        if field.type.kind in {"float", "double"} and isinstance(field.default, str):
            number = number_of(field.default)
            field.default = field.default if number is None else number
        nullable = isinstance(field.type, Union) and _NULL in field.type.branches
        if not self._foreign and not (nullable and field.default is None):
            self.defaults.append((field, f"{at}/default"))

    def _enum(self, document: dict[str, Any], space: str, at: str) -> Enum:
        symbols = document.get("symbols")
        if not isinstance(symbols, list):
            _refuse(at, "required", "an enum needs `symbols`, a list")
        known: set[str] = set()
        for index, symbol in enumerate(symbols):
            self._budget.spend()
            if not isinstance(symbol, str) or not _NAME.fullmatch(symbol):
                _refuse(f"{at}/symbols/{index}", "name", f"a symbol: {_NAME_RULE}")
            if symbol in known:
                _refuse(f"{at}/symbols/{index}", "duplicate_symbol", f"{symbol} stands twice")
            known.add(symbol)
        default = document.get("default")
        if default is not None and (not isinstance(default, str) or default not in known):
            _refuse(f"{at}/default", "default", "an enum's default is one of its symbols")
        enum = Enum(
            **self._naming(document, space, at),
            symbols=tuple(symbols),
            known=frozenset(known),
            default=default,
            props=_props(document, _ENUM_RESERVED),
        )
        self._define(enum, document, at)
        return enum

    def _fixed(self, document: dict[str, Any], space: str, at: str) -> Fixed:
        size = document.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_FIXED:
            pointer = f"{at}/size" if "size" in document else at
            _refuse(pointer, "size", "a fixed type needs `size`, a number of bytes")
        props = _props(document, _RESERVED)
        fixed = Fixed(
            **self._naming(document, space, at),
            size=size,
            props=props,
            logical=logical_of("fixed", props, size),
        )
        self._define(fixed, document, at)
        return fixed

    def _naming(self, document: dict[str, Any], space: str, at: str) -> dict[str, Any]:
        """Name, namespace, aliases and doc: specification, "Names" and "Aliases"."""
        name, namespace = document.get("name"), document.get("namespace")
        if not isinstance(name, str) or not _FULL_NAME.fullmatch(name):
            _refuse(f"{at}/name" if "name" in document else at, "name", f"a name: {_NAME_RULE}")
        if "." in name:
            namespace, _, name = name.rpartition(".")
        elif namespace is None:
            namespace = space
        elif not isinstance(namespace, str) or (namespace and not _FULL_NAME.fullmatch(namespace)):
            _refuse(f"{at}/namespace", "name", f"each part of a namespace: {_NAME_RULE}")
        if name in PRIMITIVE_KINDS:
            _refuse(f"{at}/name", "name", f"{name} is the name of a primitive type")
        aliases = _aliases(document, at)
        for index, alias in enumerate(aliases):
            if not _FULL_NAME.fullmatch(alias):
                _refuse(f"{at}/aliases/{index}", "name", f"an alias: {_NAME_RULE}")
        full = tuple(a if "." in a or not namespace else f"{namespace}.{a}" for a in aliases)
        doc = document.get("doc")
        return {
            "name": name,
            "namespace": namespace,
            "at": None if self._foreign else at,
            "aliases": tuple(dict.fromkeys(full)),
            "doc": doc if isinstance(doc, str) else None,
        }

    def _define(self, named: NamedType, document: dict[str, Any], at: str) -> None:
        """Two texts may carry the same definition, one text may not."""
        full = named.full
        if full in self.names and self._foreign_documents.get(full) != document:
            _refuse(
                f"{at}/name",
                "duplicate_name",
                f"{full} is defined already",
                "Write its name where it is used again.",
            )
        self._foreign_documents.pop(full, None)
        self.names[full] = named
        if self._foreign:
            self._foreign_documents[full] = document


def _order(value: Any, at: str) -> str:
    if not isinstance(value, str) or value.lower() not in _ORDERS:
        _refuse(f"{at}/order", "order", "`order` is ascending, descending or ignore")
    return value.lower()


def _aliases(document: dict[str, Any], at: str) -> tuple[str, ...]:
    aliases = document.get("aliases")
    if aliases is None and "aliases" not in document:
        return ()
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        _refuse(f"{at}/aliases", "type", "`aliases` is a list of names")
    return tuple(dict.fromkeys(aliases))


def _props(document: dict[str, Any], reserved: frozenset[str]) -> Props:
    if document.keys() <= reserved:
        return {}
    return {key: value for key, value in document.items() if key not in reserved}


def _refuse(at: str, rule: str, message: str, fix: str = "") -> NoReturn:
    raise InvalidSchema.at(at, rule, message, fix)
