"""A schema as the comparison sees it: wrappers taken off, both versions' spellings made one.

OpenAPI 3.0 writes `nullable: true` and `exclusiveMinimum: true`, 3.1 writes a type list with
"null" and a number; either may wrap a schema in a `oneOf` with a null branch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from schemas.formats.base import Budget
from schemas.formats.openapi.check import LISTS, MAPS, SINGLE
from schemas.formats.openapi.document import Node

_MAX_WRAPPERS = 20
ANNOTATIONS = frozenset(
    {
        "title", "description", "example", "examples", "default", "deprecated", "externalDocs",
        "xml", "$comment", "readOnly", "writeOnly", "discriminator", "$schema", "$id", "$defs",
        "definitions", "summary",
    }
)  # fmt: skip
NULL = "null"
ANYTHING: dict[str, Any] = {}  # the schema that takes every value


@dataclass(frozen=True, slots=True)
class Shape:
    """A schema without its wrappers. `node` is where its keywords stand."""

    node: Node
    nullable: bool
    types: frozenset[str] | None  # without null; None: any

    @property
    def refuses_all(self) -> bool:
        return self.node.value is False

    def raw(self, key: str) -> Any:
        return self.node.raw(key)


def shapes_of(old: Node, new: Node) -> tuple[Shape, Shape]:
    """The shapes of two schemas that meet; parts of `allOf` are met part by part."""
    both = "allOf" in old and "allOf" in new
    return shape_of(old, whole=both), shape_of(new, whole=both)


def shape_of(node: Node, *, whole: bool = False) -> Shape:
    """The shape of a schema; with `whole`, an `allOf` of one part is left as it is."""
    nullable = False
    for _ in range(_MAX_WRAPPERS):
        nullable = nullable or _allows_null(node.value)
        inner = _unwrapped(node, whole=whole)
        if inner is None:
            break
        node, wrapped_null = inner
        nullable = nullable or wrapped_null
    if node.value is True:
        node = Node(ANYTHING, node.at, node.document)
    return Shape(node, nullable, _types(node.value))


def _allows_null(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return value.get("nullable") is True or NULL in type_list(value)


def type_list(value: Any) -> list[str]:
    found = value.get("type") if isinstance(value, dict) else None
    if isinstance(found, list):
        return found
    return [found] if isinstance(found, str) else []


def _types(value: Any) -> frozenset[str] | None:
    found = frozenset(type_list(value)) - {NULL}
    return found or None


def keywords(node: Node) -> set[str]:
    """The keywords that constrain values; annotations and extensions do not."""
    if not isinstance(node.value, dict):
        return set()
    return {key for key in node.value if key not in ANNOTATIONS and not key.startswith("x-")}


def _unwrapped(node: Node, *, whole: bool) -> tuple[Node, bool] | None:
    """What a wrapper that adds nothing holds, and whether it adds null."""
    constraining = keywords(node) - {"nullable"}
    if constraining == {"allOf"}:
        entries = node.entries("allOf")
        return (entries[0], False) if len(entries) == 1 and not whole else None
    for key in ("oneOf", "anyOf"):
        if constraining != {key}:
            continue
        entries = node.entries(key)
        real = [entry for entry in entries if not _only_null(entry)]
        if len(real) == 1 and (len(entries) == 1 or not _allows_null(real[0].value)):
            return real[0], len(entries) > 1
    return None


def _only_null(node: Node) -> bool:
    return type_list(node.value) == [NULL]


def bound(node: Node, keyword: str) -> Any:
    """The number of a bound, None when it is none; flags of 3.0 are read as numbers."""
    value = node.raw(keyword)
    if keyword in {"minLength", "minItems", "minProperties"} and value == 0:
        return None
    for limit, exclusive in (
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ):
        flag = node.raw(exclusive)
        if keyword == limit and flag is True:
            return None
        if keyword == exclusive and isinstance(flag, bool):
            return node.raw(limit) if flag else None
    return value


def frozen(value: Any) -> str:
    """A text that is equal for values that JSON holds for equal."""
    return json.dumps(value, sort_keys=True)


def equivalent(one: Node, other: Node, budget: Budget) -> bool:
    """Whether two schemas read the same once references are followed, annotations apart."""
    seen: set[tuple[int, int]] = set()
    stack: list[tuple[Node, Node, bool]] = [(one, other, True)]
    while stack:
        budget.spend()
        left, right, is_schema = stack.pop()
        pair = (id(left.value), id(right.value))
        if pair[0] == pair[1] or pair in seen:
            continue
        if isinstance(left.value, dict | list):
            seen.add(pair)
        inner = _parts(left, right, is_schema=is_schema)
        if inner is None:
            return False
        stack.extend(inner)
    return True


_SCHEMAS = frozenset({*SINGLE, *LISTS, *MAPS})
_UNORDERED = frozenset({"required", "enum", "type"})


def _parts(left: Node, right: Node, *, is_schema: bool) -> list[tuple[Node, Node, bool]] | None:
    """The pairs that have to be equivalent inside; None when two nodes differ already."""
    if isinstance(left.value, list) and isinstance(right.value, list):
        pairs = zip(_entries(left), _entries(right), strict=False)
        equal = len(left.value) == len(right.value)
        return [(a, b, is_schema) for a, b in pairs] if equal else None
    if not isinstance(left.value, dict) or not isinstance(right.value, dict):
        return [] if frozen(left.value) == frozen(right.value) else None
    keys = _compared(left, is_schema=is_schema)
    if keys != _compared(right, is_schema=is_schema):
        return None
    found = []
    for key in keys:
        if is_schema and key not in _SCHEMAS:
            if _plain(key, left) != _plain(key, right):
                return None
        elif is_schema and key in MAPS:
            found.append((left.step(key, left.raw(key)), right.step(key, right.raw(key)), False))
        else:
            a, b = left.get(key), right.get(key)
            if a is not None and b is not None:
                found.append((a, b, True))
    return found


def _plain(key: str, node: Node) -> list[str]:
    """A text that is equal for equal values of a keyword that holds no schema."""
    value = node.raw(key)
    if key in _UNORDERED and isinstance(value, list):
        return sorted(map(frozen, value))
    return [frozen(value)]


def _compared(node: Node, *, is_schema: bool) -> set[str]:
    return keywords(node) if is_schema else set(node.value)


def _entries(node: Node) -> list[Node]:
    holder = Node({"list": node.value}, node.at, node.document)
    return holder.entries("list")
