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

from schemas.formats import registry
from schemas.formats.base import Budget, Dependency, FormatName, Parsed
from schemas.formats.protobuf.schema import ProtobufSchema

MAX_FIELDS = 20_000
_TAGS = ("confluent:tags", "x-tags")
_BESIDE = frozenset({"enum", "const", "default", "examples", "example"})  # data, not schemas
_NAMED = frozenset({"$defs", "definitions", "schemas"})


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
        text = dependency.text
        found.update(_written(parsed.format, text, dependencies, budget))
    found.update(_own(parsed, budget))
    for pattern, tags in _paths(metadata):
        met = [path for path in found if _fits(pattern, path, parsed.name, budget)]
        for path in met or [pattern]:
            found[path] = found.get(path, frozenset()) | tags
    return Tagged(found)


def _written(
    name: FormatName, text: str, dependencies: Sequence[Dependency], budget: Budget
) -> dict[str, frozenset[str]]:
    """The inline tags of a referenced schema; what it needs itself was handed in before it."""
    before = []
    for one in dependencies:
        if one.text == text:
            break
        before.append(one)
    return _own(registry.get(name).parse(text, before), budget)


def _own(parsed: Parsed, budget: Budget) -> dict[str, frozenset[str]]:
    pairs = _protobuf(parsed) if isinstance(parsed, ProtobufSchema) else _json(parsed)
    found: dict[str, frozenset[str]] = {}
    for path, tags in pairs:
        budget.spend()
        if len(found) >= MAX_FIELDS:
            break
        found[path] = found.get(path, frozenset()) | tags
    return found


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


def _json(parsed: Parsed) -> Iterator[tuple[str, frozenset[str]]]:
    document = json.loads(parsed.canonical)
    if parsed.format is FormatName.AVRO:
        return _avro(document, "")
    return _members(document, "")


def _avro(node: Any, space: str) -> Iterator[tuple[str, frozenset[str]]]:
    if isinstance(node, list):
        for one in node:
            yield from _avro(one, space)
    if not isinstance(node, dict):
        return
    name = str(node.get("name", ""))
    space = str(node.get("namespace", space))
    full = name if "." in name or not space else f"{space}.{name}"
    space = full.rpartition(".")[0]
    fields = node.get("fields")
    for one in fields if isinstance(fields, list) else ():
        if isinstance(one, dict):
            yield f"{full}.{one.get('name')}", _tags(one) | _tags(node)
            yield from _avro(one.get("type"), space)
    for key in ("type", "items", "values"):
        yield from _avro(node.get(key), space)


def _members(node: Any, path: str) -> Iterator[tuple[str, frozenset[str]]]:
    """The properties of a JSON Schema or an OpenAPI document, wherever they stand."""
    if isinstance(node, list):
        for one in node:
            yield from _members(one, path)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key == "properties" and isinstance(value, dict):
            for name, one in value.items():
                at = f"{path}.{name}" if path else name
                yield at, _tags(one) if isinstance(one, dict) else frozenset()
                yield from _members(one, at)
        elif key in _NAMED and isinstance(value, dict):
            for name, one in value.items():
                yield from _members(one, name)
        elif key not in _BESIDE:
            yield from _members(value, path)


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
