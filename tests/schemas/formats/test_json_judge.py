"""JSON Schema: recursion, combinations, pointers and advice of the comparison, and its bounds."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from schemas.formats.base import Difference, TooComplex
from schemas.formats.json import JsonFormat

language = JsonFormat()
SECONDS = 2


def compared(old: Any, new: Any) -> tuple[Difference, ...]:
    reader, writer = language.parse(json.dumps(new)), language.parse(json.dumps(old))
    begun = time.process_time()
    found = language.differences(reader, writer)
    assert time.process_time() - begun < SECONDS
    return found


def products(count: int, references: int) -> dict[str, Any]:
    """A recursive choice of products, each referring back to any product several times."""
    defs: dict[str, Any] = {
        "Id": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
        "Base": {"type": "object", "properties": {"name": {"type": "string"}}},
        "Any": {"oneOf": [{"$ref": "#/$defs/Id"}, {"$ref": "#/$defs/Product"}]},
        "Product": {"oneOf": [{"$ref": f"#/$defs/Type{n}"} for n in range(count)]},
    }
    for n in range(count):
        links = {f"ref{each}": {"$ref": "#/$defs/Any"} for each in range(references)}
        tag = {"tag": {"type": "string", "const": f"type{n}"}}
        defs[f"Type{n}"] = {
            "$ref": "#/$defs/Base",
            "type": "object",
            "properties": {**links, **tag},
            "required": ["tag"],
        }
    schema = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": schema, "$ref": "#/$defs/Product", "$defs": defs}


def id_becomes_a_number(defs: dict[str, Any]) -> None:
    defs["Id"]["properties"]["id"] = {"type": "integer"}


def tag_changes(defs: dict[str, Any]) -> None:
    defs["Type17"]["properties"]["tag"]["const"] = "other"


def base_is_narrowed(defs: dict[str, Any]) -> None:
    defs["Base"]["properties"]["name"]["maxLength"] = 5


def product_disappears(defs: dict[str, Any]) -> None:
    defs["Product"]["oneOf"].pop()


@pytest.mark.parametrize(
    ("change", "at"),
    [
        (id_becomes_a_number, "/$defs/Id/properties/id"),
        (tag_changes, "/$defs/Type17/properties/tag/const"),
        (base_is_narrowed, "/$defs/Base/properties/name/maxLength"),
        (product_disappears, "/$defs/Product"),
    ],
)
def test_deep_breaking_change_in_thirty_products(
    change: Callable[[dict[str, Any]], None], at: str
) -> None:
    old = products(30, 8)
    new = copy.deepcopy(old)
    change(new["$defs"])
    found = compared(old, new)
    assert not all(each.strict for each in found)
    assert not all(each.lenient for each in found)
    assert found[0].reader_at == at


def test_harmless_changes_in_thirty_products() -> None:
    old = products(30, 8)
    new = copy.deepcopy(old)
    new["$defs"]["Product"]["oneOf"].reverse()
    for n in range(30):
        new["$defs"][f"Type{n}"]["title"] = f"Type {n}"
    assert {each.kind for each in compared(old, new)} == {"TITLE_CHANGED"}


@pytest.mark.parametrize("forward", [True, False])
def test_the_order_of_judging_does_not_matter(forward: bool) -> None:
    """A pair that was assumed compatible and fails takes back what was built on it."""
    names = ["a", "b", "c", "d"]
    ring = names if forward else names[::-1]

    def schema(kind: str) -> dict[str, Any]:
        links = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
        definitions = {
            name: {
                "anyOf": [
                    {"type": "null"},
                    {"properties": {"next": {"$ref": f"#/definitions/{links[name]}"}}},
                ]
            }
            for name in names
        }
        definitions["c"]["anyOf"][1]["properties"]["value"] = {"type": kind}
        return {"definitions": definitions, "anyOf": [{"$ref": f"#/definitions/{n}"} for n in ring]}

    assert all(each.strict for each in compared(schema("integer"), schema("number")))
    found = compared(schema("number"), schema("integer"))
    assert not all(each.strict for each in found)
    assert "TYPE_NARROWED" in {each.kind for each in found}


def test_matching_moves_earlier_choices() -> None:
    """Three alternatives fit in one way only, found by augmenting."""
    bound = [{"type": "integer", "maximum": n} for n in (1, 2, 3)]
    assert all(each.strict for each in compared({"anyOf": bound}, {"anyOf": bound[::-1]}))
    wider = [{"type": "integer", "maximum": n} for n in (3, 1, 2)]
    assert all(each.strict for each in compared({"anyOf": bound}, {"anyOf": wider}))
    tighter = [{"type": "integer", "maximum": n} for n in (3, 1, 1)]
    assert not all(each.strict for each in compared({"anyOf": bound}, {"anyOf": tighter}))


def test_policy_holds_inside_combinations() -> None:
    old = {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"minimum": 1}]}
    new = copy.deepcopy(old)
    new["allOf"][0]["properties"]["b"] = {"type": "string"}  # type: ignore[index]
    found = compared(old, new)
    assert not all(each.strict for each in found)
    assert all(each.lenient for each in found)


def test_pointers_lead_to_both_sides() -> None:
    old = {"properties": {"a/b": {"$ref": "#/definitions/x~y"}}, "definitions": {"x~y": {}}}
    old["definitions"]["x~y"] = {"type": "object", "properties": {"n": {"maximum": 5}}}
    new = {"properties": {"a/b": {"type": "object", "properties": {"n": {"maximum": 3}}}}}
    (found,) = compared(old, new)
    assert found.kind == "MAXIMUM_DECREASED"
    assert found.reader_at == "/properties/a~1b/properties/n/maximum"
    assert found.writer_at == "/definitions/x~0y/properties/n/maximum"
    assert (found.old, found.new) == (5, 3)


def test_advice_names_who_is_hurt_and_what_to_do() -> None:
    old = {"type": "object", "properties": {"amount": {"type": "number"}}}
    (found,) = compared(old, {**old, "required": ["amount"]})
    assert found.kind == "REQUIRED_ATTRIBUTE_ADDED"
    assert found.advice == (
        "Readers refuse documents without `amount`: leave it optional or give it a default."
    )
    (found,) = compared(old, {**old, "properties": {"amount": {"type": "string"}}})
    assert found.advice == (
        "Readers take `string` where writers send `number`: keep the type, or offer both with"
        " `anyOf`."
    )


def test_advice_is_plain_text_of_bounded_length() -> None:
    name = "{old}<script>" + "x" * 5000
    old = {"type": "object", "properties": {name: {"enum": ["y" * 5000]}}}
    new = {"type": "object", "properties": {name: {"enum": ["z"]}}}
    (found,) = compared(old, new)
    assert len(found.advice) < 500


def test_what_breaks_comes_first() -> None:
    old = {"title": "a", "type": "object", "properties": {"a": {"type": "string", "title": "x"}}}
    new = {"title": "b", "type": "object", "properties": {"a": {"type": "integer", "title": "y"}}}
    assert [each.kind for each in compared(old, new)] == ["TYPE_CHANGED", "TITLE_CHANGED"]


def test_one_text_has_no_differences() -> None:
    assert compared(products(3, 2), products(3, 2)) == ()


def test_judging_ends_in_time_whatever_the_text() -> None:
    many = {
        "oneOf": [
            {"properties": {f"p{n}": {"$ref": "#"}, "k": {"type": "integer", "minimum": n}}}
            for n in range(600)
        ]
    }
    other = copy.deepcopy(many)
    for each in other["oneOf"]:
        each["properties"]["k"]["minimum"] += 1000
    reader, writer = language.parse(json.dumps(other)), language.parse(json.dumps(many))
    begun = time.process_time()
    with pytest.raises(TooComplex):
        language.differences(reader, writer)
    assert time.process_time() - begun < 2 * SECONDS


def test_sharing_is_not_multiplied() -> None:
    """Sixty levels, each twice: two to the sixtieth ways, sixty pairs."""

    def schema(kind: str) -> dict[str, Any]:
        steps = {str(n): {"allOf": [{"$ref": f"#/definitions/{n - 1}"}, {}]} for n in range(1, 60)}
        return {"$ref": "#/definitions/59", "definitions": {"0": {"type": kind}, **steps}}

    assert not all(each.strict for each in compared(schema("string"), schema("integer")))


def test_wide_objects_take_linear_time() -> None:
    def schema(bound: int) -> dict[str, Any]:
        names = {f"field{n}": {"type": "string", "maxLength": bound} for n in range(2000)}
        return {"type": "object", "additionalProperties": False, "properties": names}

    assert len(compared(schema(5), schema(6))) == 2000
