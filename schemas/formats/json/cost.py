"""What checking a document would cost, before an engine that cannot be interrupted does it.

References let a short schema ask for the same thing along exponentially many ways: 40 lines of
`allOf` suffice to keep an engine busy for years. So the steps are counted first, each pair of
schema and value once: the count is exact in effort and the counting is not exponential.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.formats.base import MAX_DEPTH, Budget, TooComplex
from schemas.formats.json.document import Library, Place
from schemas.formats.json.drafts import REFERENCES
from schemas.formats.json.patterns import matches

MAX_STEPS = 1_000_000
_ENUM_STEP = 20  # values of an enum that are compared in the time of one step
_PATTERN_STEPS = 100  # of one match by the engine that backtracks

_Task = tuple[Place, Any]


def check_cost(library: Library, value: Any, *, backtracks: bool) -> None:
    """Raises `TooComplex` for a value nested too deep, or that takes too many steps to check.

    `backtracks`: the schema has a pattern that needs the slower engine.
    """
    _check_depth(value)
    _Count(library, backtracks=backtracks).of((library.root, value))


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [each for parent in level for each in _inside(parent)]
        if not level:
            return
    raise TooComplex(f"The document is nested more than {MAX_DEPTH} levels deep.")


def _inside(value: Any) -> Iterator[Any]:
    """The objects and arrays directly inside a value."""
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            if isinstance(child, dict | list):
                yield child


class _Count:
    def __init__(self, library: Library, *, backtracks: bool) -> None:
        self._library, self._budget = library, Budget()
        self._pattern = _PATTERN_STEPS if backtracks else 1
        self._known: dict[tuple[int, int], int] = {}

    def of(self, start: _Task) -> int:
        """The steps of one task; tasks under way count as nothing, for engines cut such loops."""
        frames = [(_key(start), self._below(start))]
        self._known[_key(start)] = 0
        totals = [self._own(start)]
        while frames:
            self._budget.spend()
            key, below = frames[-1]
            task = next(below, None)
            if task is None:
                frames.pop()
                total = self._known[key] = totals.pop()
                if totals:
                    totals[-1] += total
            elif _key(task) in self._known:
                totals[-1] += self._known[_key(task)]
            else:
                self._known[_key(task)] = 0
                frames.append((_key(task), self._below(task)))
                totals.append(self._own(task))
                continue
            if max(total if task is None else 0, totals[-1] if totals else 0) > MAX_STEPS:
                raise TooComplex(
                    f"Checking this document takes more than {MAX_STEPS} steps.",
                    fix="Let alternatives refer to each other along fewer ways.",
                )
        return self._known[_key(start)]

    def _own(self, task: _Task) -> int:
        schema = task[0].value
        if not isinstance(schema, dict):
            return 1
        options = schema.get("enum")
        steps = len(options) // _ENUM_STEP if isinstance(options, list) else 0
        return 1 + steps + (self._pattern if "pattern" in schema else 0)

    def _below(self, task: _Task) -> Iterator[_Task]:
        place, value = task
        schema = place.value
        if not isinstance(schema, dict):
            return
        for rest, child in _in_place(schema):
            yield self._place(place, rest, child), value
        for keyword in REFERENCES:
            if isinstance(schema.get(keyword), str):
                yield self._library.target(schema[keyword], place), value
        if isinstance(value, dict):
            for rest, child, inside in self._properties(schema, value):
                yield self._place(place, rest, child), inside
        elif isinstance(value, list):
            for rest, child, inside in _elements(schema, value):
                yield self._place(place, rest, child), inside

    def _place(self, parent: Place, rest: str, child: Any) -> Place:
        return self._library.place(child) or Place(child, parent.at + rest, parent.resource)

    def _properties(
        self, schema: dict[str, Any], value: dict[str, Any]
    ) -> Iterator[tuple[str, Any, Any]]:
        properties = _mapping(schema.get("properties"))
        patterns = _mapping(schema.get("patternProperties"))
        for name, inside in value.items():
            if name in properties:
                yield "/properties", properties[name], inside
            elif "additionalProperties" in schema:
                yield "/additionalProperties", schema["additionalProperties"], inside
            for pattern, child in patterns.items():
                self._budget.spend()
                if matches(pattern, name):
                    yield "/patternProperties", child, inside
            if "unevaluatedProperties" in schema:
                yield "/unevaluatedProperties", schema["unevaluatedProperties"], inside
            if "propertyNames" in schema:
                yield "/propertyNames", schema["propertyNames"], name


def _key(task: _Task) -> tuple[int, int]:
    return id(task[0].value), id(task[1])


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _in_place(schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(keyword) or ():
            yield f"/{keyword}", child
    for keyword in ("not", "if", "then", "else"):
        if keyword in schema:
            yield f"/{keyword}", schema[keyword]
    for keyword in ("dependencies", "dependentSchemas"):
        for child in _mapping(schema.get(keyword)).values():
            if isinstance(child, dict):
                yield f"/{keyword}", child


def _elements(schema: dict[str, Any], value: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    items = schema.get("items")
    prefix = items if isinstance(items, list) else schema.get("prefixItems") or []
    for index, inside in enumerate(value):
        if index < len(prefix):
            yield "/items", prefix[index], inside
        for keyword in ("items", "additionalItems", "contains", "unevaluatedItems"):
            if isinstance(schema.get(keyword), dict | bool):
                yield f"/{keyword}", schema[keyword], inside
