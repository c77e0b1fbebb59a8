"""Texts of environment variables as the values that a schema means: `8080` is an integer there.

A variable is text by nature. Its declared types decide how the text is read, the narrowest first;
what reads as none of them stays text, and the schema refuses it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.formats.base import Budget
from schemas.formats.json.document import Library, Place
from schemas.formats.json.drafts import REFERENCES
from schemas.formats.json.patterns import matches

MAX_DIGITS = 400  # of a number; longer text is no number that a program reads
_ALL = ("allOf", "anyOf", "oneOf")
_SINGLE = ("if", "then", "else")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_ORDER = ("integer", "number", "boolean", "null", "array", "object")


@dataclass
class Declared:
    """What a schema says of one variable, over all places that speak of it."""

    types: set[str] = field(default_factory=set)
    options: list[Any] = field(default_factory=list)
    secret: bool = False  # marked as such: its value is never shown
    known: bool = False  # some place names it
    note: str = ""  # its description


def declared(library: Library, names: Iterable[str]) -> dict[str, Declared]:
    """What the schema of an environment says of each variable; one budget for all of them."""
    budget = Budget()
    whole = list(_reached(library, library.root, budget))
    speaking = [place for place in whole if isinstance(place.value, dict)]
    speaking = [p for p in speaking if _mapping(p.value.get("properties")) or _patterns(p)]
    found: dict[str, Declared] = {}
    for name in names:
        said = found[name] = Declared()
        for place in speaking:
            budget.spend()
            for child in _about(library, place, name, budget):
                said.known = True
                for inner in _reached(library, child, budget):
                    _learn(said, inner.value)
    return found


def _patterns(place: Place) -> Mapping[str, Any]:
    return _mapping(place.value.get("patternProperties"))


def names_of(library: Library) -> list[tuple[str, bool]]:
    """Every variable that is named outright, in order, and whether it is always required."""
    properties: dict[str, bool] = {}
    required: set[str] = set()
    for place in _reached(library, library.root, Budget()):
        schema = place.value
        if not isinstance(schema, dict):
            continue
        for name in _mapping(schema.get("properties")):
            properties.setdefault(name, False)
        if place.value is library.root.value and isinstance(schema.get("required"), list):
            required = {name for name in schema["required"] if isinstance(name, str)}
    for name in sorted(required - properties.keys()):
        properties[name] = True
    return [(name, name in required) for name in properties]


def _reached(library: Library, start: Place, budget: Budget) -> Iterator[Place]:
    """The place and every other that speaks of the same value."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        budget.spend()
        place = stack.pop()
        schema = place.value
        if id(schema) in seen:
            continue
        seen.add(id(schema))
        yield place
        if isinstance(schema, dict):
            stack.extend(_beside(library, place, schema))


def _beside(library: Library, place: Place, schema: dict[str, Any]) -> Iterator[Place]:
    for keyword in REFERENCES:
        if isinstance(schema.get(keyword), str):
            yield library.target(schema[keyword], place)
    inner = [child for keyword in _ALL for child in schema.get(keyword) or ()]
    inner += [schema[keyword] for keyword in _SINGLE if keyword in schema]
    inner += _mapping(schema.get("dependentSchemas")).values()
    for child in inner:
        yield _place(library, place, child)


def _about(library: Library, place: Place, name: str, budget: Budget) -> Iterator[Place]:
    schema = place.value
    if not isinstance(schema, dict):
        return
    properties = _mapping(schema.get("properties"))
    if name in properties:
        yield _place(library, place, properties[name])
    for pattern, child in _mapping(schema.get("patternProperties")).items():
        budget.spend()
        if matches(pattern, name):
            yield _place(library, place, child)


def _place(library: Library, parent: Place, child: Any) -> Place:
    return library.place(child) or Place(child, parent.at, parent.resource)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _learn(found: Declared, schema: Any) -> None:
    if not isinstance(schema, dict):
        return
    types = schema.get("type")
    found.types.update([types] if isinstance(types, str) else types or ())
    found.options += schema["enum"] if isinstance(schema.get("enum"), list) else []
    found.options += [schema["const"]] if "const" in schema else []
    found.secret |= schema.get("writeOnly") is True or schema.get("format") == "password"
    if not found.note and isinstance(schema.get("description"), str):
        found.note = schema["description"]


def coerced(text: str, wanted: Declared) -> Any:
    """The value that the text stands for; the text itself where it stands for nothing else."""
    types = wanted.types or {_type_of(option) for option in wanted.options}
    for name in _ORDER:
        if name in types or (name == "integer" and "number" in types):
            value = _READERS[name](text)
            if value is not _NONE:
                return value
    return text


_NONE = object()


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {dict: "object", list: "array", type(None): "null"}.get(type(value), "string")


def _integer(text: str) -> Any:
    return int(text) if len(text) <= MAX_DIGITS and _INTEGER.fullmatch(text) else _NONE


def _number(text: str) -> Any:
    if len(text) > MAX_DIGITS or not _NUMBER.fullmatch(text):
        return _NONE
    value = float(text)
    return value if value not in {float("inf"), float("-inf")} else _NONE


def _boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text.lower(), _NONE)


def _null(text: str) -> Any:
    return None if text in {"", "null"} else _NONE


def _structure(kind: type) -> Any:
    def read(text: str) -> Any:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return _NONE
        return value if isinstance(value, kind) else _NONE

    return read


_READERS = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
    "array": _structure(list),
    "object": _structure(dict),
}
