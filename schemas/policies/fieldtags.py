"""The tags on a schema's fields: written beside them in the text, or by path in the metadata.

`confluent:tags` in Avro and JSON Schema, `(confluent.field_meta).tags` in Protobuf, `x-tags` in
OpenAPI, and the paths of the metadata's `tags` (Confluent, "Data contracts"): dotted, `*` for one
step, `**` for any. Pure; read by `judging`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from schemas.formats import registry
from schemas.formats.base import Budget, Dependency, FormatName, Parsed, TooComplex
from schemas.formats.protobuf.schema import ProtobufSchema

MAX_FIELDS = 20_000
_TAGS = ("confluent:tags", "x-tags")
_BESIDE = frozenset({"enum", "const", "default", "examples", "example"})  # data, not schemas
_NAMED = frozenset({"$defs", "definitions", "schemas"})
# What speaks of the same value, or of the entries of a list or a map.
_SAME = (
    *("allOf", "anyOf", "oneOf", "if", "then", "else", "items", "prefixItems", "contains"),
    *("additionalProperties", "additionalItems", "unevaluatedProperties", "unevaluatedItems"),
)


@dataclass(frozen=True)
class Tagged:
    """Every field by its dotted path, with its tags (none for most)."""

    fields: Mapping[str, frozenset[str]]

    @property
    def tagged(self) -> dict[str, frozenset[str]]:
        return {path: tags for path, tags in self.fields.items() if tags}


def tags_of(
    parsed: Parsed,
    metadata: Mapping[str, Any] | None = None,
    dependencies: Sequence[Dependency] = (),
) -> Tagged:
    """The fields of a schema and of what it refers to; raises `TooComplex` past the bounds."""
    budget = Budget()
    found: dict[str, frozenset[str]] = {}
    for dependency in dependencies:
        _join(found, _written(parsed.format, dependency.text, dependencies, budget))
    _join(found, _own(parsed, budget))
    for pattern, tags in _paths(metadata):
        met = [path for path in found if _fits(pattern, path, parsed.name, budget)]
        for path in met or [pattern]:
            found[path] = found.get(path, frozenset()) | tags
    return Tagged(found)


def _join(found: dict[str, frozenset[str]], more: Iterable[tuple[str, frozenset[str]]]) -> None:
    """Add fields; one that two schemas have under one path carries the tags of both."""
    for path, tags in more:
        found[path] = found.get(path, frozenset()) | tags
        if len(found) > MAX_FIELDS:
            raise TooComplex(
                f"The schema has more than {MAX_FIELDS:,} fields, too many to look for tags.",
                fix="Split it into smaller ones that refer to each other.",
            )


def _written(
    name: FormatName, text: str, dependencies: Sequence[Dependency], budget: Budget
) -> Iterator[tuple[str, frozenset[str]]]:
    """The inline tags of a referenced schema; what it needs itself was handed in before it."""
    before = []
    for one in dependencies:
        if one.text == text:
            break
        before.append(one)
    return _own(registry.get(name).parse(text, before), budget)


def _own(parsed: Parsed, budget: Budget) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(parsed, ProtobufSchema):
        pairs = _protobuf(parsed)
    elif parsed.format is FormatName.AVRO:
        pairs = _Avro(json.loads(parsed.canonical)).fields()
    else:
        pairs = _Json(json.loads(parsed.canonical), budget).fields()
    for pair in pairs:
        budget.spend()
        yield pair


def _paths(metadata: Mapping[str, Any] | None) -> Iterator[tuple[str, frozenset[str]]]:
    tags = (metadata or {}).get("tags")
    for path, words in tags.items() if isinstance(tags, dict) else ():
        yield str(path).removeprefix("$."), _words(words)


def _words(value: Any) -> frozenset[str]:
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(word for word in words if isinstance(word, str) and word)


def _tags(node: Mapping[str, Any]) -> frozenset[str]:
    return frozenset().union(*(_words(node.get(key)) for key in _TAGS))


# -- what stands in the texts -----------------------------------------------------------------


class _Avro:
    """Fields by the full name of their record, with the tags of field, record and its type."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._named: dict[str, frozenset[str]] = {}

    def fields(self) -> Iterator[tuple[str, frozenset[str]]]:
        return self._walk(self._document, "")

    def _walk(self, node: Any, space: str) -> Iterator[tuple[str, frozenset[str]]]:
        if isinstance(node, list):
            for one in node:
                yield from self._walk(one, space)
        if not isinstance(node, dict):
            return
        full, space = _full(node, space)
        self._named[full] = _tags(node)
        fields = node.get("fields")
        for one in fields if isinstance(fields, list) else ():
            if isinstance(one, dict):
                yield from self._walk(one.get("type"), space)
                tags = _tags(one) | _tags(node) | self._of_type(one.get("type"), space)
                yield f"{full}.{one.get('name')}", tags
        for key in ("type", "items", "values"):
            yield from self._walk(node.get(key), space)

    def _of_type(self, kind: Any, space: str) -> frozenset[str]:
        """What a type says of the values that have it, also one that was named before."""
        if isinstance(kind, list):
            return frozenset().union(*(self._of_type(one, space) for one in kind))
        if isinstance(kind, str):
            return self._named.get(f"{space}.{kind}", self._named.get(kind, frozenset()))
        if not isinstance(kind, dict):
            return frozenset()
        inner = (kind.get(key) for key in ("items", "values", "type"))
        return _tags(kind).union(*(self._of_type(one, space) for one in inner))


def _full(node: Mapping[str, Any], space: str) -> tuple[str, str]:
    """A named type's full name, and the namespace inside it."""
    name, space = str(node.get("name", "")), str(node.get("namespace", space))
    full = name if "." in name or not space else f"{space}.{name}"
    return full, full.rpartition(".")[0] if name else space


class _Json:
    """The properties of a JSON Schema or an OpenAPI document, wherever they stand."""

    def __init__(self, document: Any, budget: Budget) -> None:
        self._document, self._budget = document, budget

    def fields(self) -> Iterator[tuple[str, frozenset[str]]]:
        return self._walk(self._document, "")

    def _walk(self, node: Any, path: str) -> Iterator[tuple[str, frozenset[str]]]:
        if isinstance(node, list):
            for one in node:
                yield from self._walk(one, path)
        if not isinstance(node, dict):
            return
        for key, value in node.items():
            if key == "properties" and isinstance(value, dict):
                for name, one in value.items():
                    at = f"{path}.{name}" if path else name
                    yield at, _tags(node) | self._of_value(one)
                    yield from self._walk(one, at)
            elif key in _NAMED and isinstance(value, dict):
                for name, one in value.items():
                    yield from self._walk(one, name)
            elif key not in _BESIDE:
                yield from self._walk(value, path)

    def _of_value(self, start: Any) -> frozenset[str]:
        """The tags of a value's schema, of what it refers to, and of the entries that it holds."""
        found: frozenset[str] = frozenset()
        seen: set[int] = set()
        stack = [start]
        while stack:
            self._budget.spend()
            node = stack.pop()
            if isinstance(node, list):
                stack.extend(node)
            elif isinstance(node, dict) and id(node) not in seen:
                seen.add(id(node))
                found |= _tags(node)
                stack.extend(node[key] for key in _SAME if key in node)
                patterns = node.get("patternProperties")
                stack.extend(patterns.values() if isinstance(patterns, dict) else ())
                stack.append(self._target(node.get("$ref")))
        return found

    def _target(self, reference: Any) -> Any:
        """Where a reference into the same text leads; nothing for any other."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return None
        node = self._document
        for step in unquote(reference[2:]).split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
                node = node[int(name)]
            else:
                node = node.get(name) if isinstance(node, dict) else None
        return node


def _protobuf(parsed: ProtobufSchema) -> Iterator[tuple[str, frozenset[str]]]:
    def below(messages: Iterable[Any], space: str) -> Iterator[tuple[str, frozenset[str]]]:
        for message in messages:
            full = f"{space}.{message.name}" if space else message.name
            for one in message.field:
                yield f"{full}.{one.name}", _option(one.options) | _option(message.options)
            yield from below(message.nested_type, full)

    return below(parsed.file.message_type, parsed.file.package)


def _option(options: Any) -> frozenset[str]:
    for kind, value in options.ListFields():
        if kind.is_extension and kind.full_name in {
            "confluent.field_meta",
            "confluent.message_meta",
        }:
            return frozenset(value.tags)
    return frozenset()


# -- paths --------------------------------------------------------------------------------------


def _fits(pattern: str, path: str, title: str, budget: Budget) -> bool:
    """Whether a path of the metadata means a field; its first steps may be left out."""
    budget.spend()
    if pattern in (path, f"{title}.{path}") or path.endswith(f".{pattern}"):
        return True
    return "*" in pattern and _steps(("**", *pattern.split(".")), tuple(path.split(".")))


@lru_cache(maxsize=4096)
def _steps(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Step by step, in time proportional to the product of both lengths."""
    reached = [True] + [False] * len(path)
    for step in pattern:
        ahead = [step == "**" and reached[0]]
        for at, word in enumerate(path):
            if step == "**":
                ahead.append(reached[at + 1] or ahead[at])
            else:
                ahead.append(reached[at] and step in ("*", word))
        reached = ahead
    return reached[-1]
