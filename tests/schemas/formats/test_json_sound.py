"""Strict verdicts hold: what is valid for the writer is valid for a reader called compatible."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.common.errors import Invalid
from schemas.formats.json import JsonFormat

language = JsonFormat()
NAMES = st.sampled_from(["a", "b", "x_c"])
SMALL = st.integers(0, 3)


def bounded(kind: str, *keywords: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=dict.fromkeys(keywords, SMALL))


SCALARS = st.one_of(
    bounded("string", "minLength", "maxLength"),
    bounded("integer", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    bounded("number", "minimum", "maximum"),
    st.builds(lambda values: {"enum": values}, st.lists(SMALL, min_size=1, max_size=3)),
    st.just({"type": "null"}),
    st.just({}),
)


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    listed = {"items": inner, "minItems": SMALL, "maxItems": SMALL, "uniqueItems": st.booleans()}
    tupled = {"additionalItems": st.one_of(st.booleans(), inner), "maxItems": SMALL}
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("array")}, optional=listed),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": st.lists(inner, min_size=1, max_size=3)},
            optional=tupled,
        ),
        st.fixed_dictionaries({"type": st.just("array"), "contains": inner}),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, unique=True, max_size=2),
            "additionalProperties": st.one_of(st.booleans(), inner),
            "patternProperties": st.dictionaries(st.just("^x_"), inner, max_size=1),
            "maxProperties": SMALL,
            "minProperties": SMALL,
            "propertyNames": st.just({"maxLength": 1}),
            "dependencies": st.dictionaries(NAMES, st.lists(NAMES, unique=True), max_size=1),
        },
    )


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        objects(inner),
        arrays(inner),
        st.builds(lambda each: {"anyOf": each}, several),
        st.builds(lambda each: {"allOf": each}, several),
        st.builds(lambda each: {"not": each}, SCALARS),
    )


SCHEMAS = st.recursive(SCALARS, deeper, max_leaves=6)
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(-1, 4), st.just(1.5), st.text("ab", max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def versions(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two schemas, mostly near each other: the second is the first with one part replaced."""
    old = draw(SCHEMAS)
    new = json.loads(json.dumps(old))
    places = [new]
    for place in places:
        inside = place.values() if isinstance(place, dict) else place
        places += [each for each in inside if isinstance(each, dict | list)]
    place = draw(st.sampled_from([each for each in places if isinstance(each, dict)]))
    other = draw(SCHEMAS)
    if "properties" in place or "type" in other:
        for keyword in list(place)[:1]:
            place.pop(keyword)
        place.update(other)
    return old, new


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(versions(), st.lists(VALUES, min_size=12, max_size=25))
def test_compatible_readers_take_what_writers_send(
    pair: tuple[Any, Any], values: list[Any]
) -> None:
    old, new = pair
    try:
        writer, reader = language.parse(json.dumps(old)), language.parse(json.dumps(new))
    except Invalid:
        return
    found = language.differences(reader, writer)
    if not all(each.strict for each in found):
        assert all(each.advice for each in found if not each.strict)
        return
    sent = jsonschema_rs.Draft7Validator(old, offline=True)
    taken = jsonschema_rs.Draft7Validator(new, offline=True)
    for value in values:
        if sent.is_valid(value):
            assert taken.is_valid(value), (old, new, value, [each.kind for each in found])


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS)
def test_every_schema_reads_itself(schema: Any) -> None:
    text = json.dumps(schema)
    again = json.dumps({**schema, "$comment": "another text, the same meaning"})
    found = language.differences(language.parse(again), language.parse(text))
    assert all(each.strict for each in found)


@pytest.mark.parametrize("lenient", [True, False])
def test_lenient_is_never_stricter(lenient: bool) -> None:
    closed = {"type": "object", "additionalProperties": False, "properties": {"a": {}}}
    wide = {"type": "object", "properties": {"a": {}, "b": {"type": "string"}}}
    for old, new in ((closed, wide), (wide, closed)):
        writer, reader = language.parse(json.dumps(old)), language.parse(json.dumps(new))
        for each in language.differences(reader, writer):
            assert each.compatible(lenient=True) >= each.compatible(lenient=lenient)
