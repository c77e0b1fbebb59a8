"""JSON Schema: documents checked with pointers, in bounded time, and examples that hold."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from schemas.formats.base import TooComplex
from schemas.formats.json import JsonFormat, JsonSchema, check_record, example

CORPUS = Path(__file__).parents[1] / "corpus" / "json"
language = JsonFormat()
ORDER = {
    "title": "Order",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "lines"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "state": {"enum": ["new", "paid"]},
        "lines": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["sku"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^[A-Z]{3}$"},
                    "count": {"type": "integer", "minimum": 1, "multipleOf": 5},
                    "price": {"type": ["number", "null"], "exclusiveMinimum": 0},
                },
            },
        },
    },
}


def parse(schema: Any) -> JsonSchema:
    return language.parse(json.dumps(schema))


def test_valid_document() -> None:
    assert check_record(parse(ORDER), {"id": "1", "lines": [{"sku": "ABC"}]}) == []


def test_errors_have_pointers_and_fixes() -> None:
    record = {"state": "old", "lines": [{"sku": "abc", "count": 0}, {}], "no/te": 1}
    found = {error.field: error for error in check_record(parse(ORDER), record)}
    assert set(found) == {
        "/id",
        "/state",
        "/lines/0/sku",
        "/lines/0/count",
        "/lines/1/sku",
        "/no~1te",
    }
    assert found["/state"].fix == 'Use one of "new", "paid".'
    assert found["/id"].rule == "required"
    assert found["/lines/0/count"].fix == "Use at least 1."
    assert found["/lines/0/sku"].fix == "It has to match the pattern ^[A-Z]{3}$."


@pytest.mark.parametrize(
    ("schema", "value", "fix"),
    [
        ({"const": 1}, 2, "Use 1."),
        ({"type": ["string", "null"]}, 2, "Use null or string."),
        ({"multipleOf": 5}, 3, "Use a multiple of 5"),
        ({"maxLength": 1}, "abc", "Give at most 1."),
        ({"uniqueItems": True}, [1, 1], "Remove the duplicate."),
        (False, 1, ""),
        ({"not": {}}, 1, ""),
    ],
)
def test_fixes(schema: Any, value: Any, fix: str) -> None:
    (found,) = check_record(parse(schema), value)
    assert found.field == "/"
    assert found.fix.startswith(fix)


def test_errors_are_bounded() -> None:
    found = check_record(parse({"items": {"type": "string"}}), list(range(10_000)))
    assert len(found) == 50
    (one,) = check_record(parse({"type": "integer"}), "x" * 100_000)
    assert len(one.message) <= 300


def test_values_that_are_no_json() -> None:
    assert check_record(parse({"type": "number"}), float("nan"))
    assert [error.rule for error in check_record(parse({}), object())] == ["json"]


def test_documents_nested_too_deep() -> None:
    value: Any = 1
    for _ in range(5000):
        value = [value]
    with pytest.raises(TooComplex):
        check_record(parse({"items": {"$ref": "#"}}), value)


def exponential() -> dict[str, Any]:
    steps = {str(n): {"allOf": [{"$ref": f"#/definitions/{n - 1}"}] * 2} for n in range(1, 60)}
    return {"$ref": "#/definitions/59", "definitions": {"0": {"type": "string"}, **steps}}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (exponential(), "x"),
        ({"allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}, None),
        ({"items": {"enum": list(range(90_000))}}, list(range(-50_000, 0))),
        ({"items": {"pattern": r"^(a|aa)+\1$"}}, ["a" * 40 + "!"] * 100_000),
    ],
    ids=["references", "nesting", "enum", "pattern"],
)
def test_costly_checks_are_refused_in_time(schema: Any, value: Any) -> None:
    if value is None:
        for _ in range(100):
            value = {"a": value}
    parsed, begun = parse(schema), time.process_time()
    with pytest.raises(TooComplex):
        check_record(parsed, value)
    assert time.process_time() - begun < 4


def test_recursive_documents_are_checked() -> None:
    tree = parse({"properties": {"v": {"type": "integer"}, "kids": {"items": {"$ref": "#"}}}})
    value: dict[str, Any] = {"v": 1, "kids": [{"v": 2, "kids": [{"v": "x"}] * 20}] * 20}
    assert {error.field for error in check_record(tree, value)} >= {"/kids/0/kids/0/v"}


def test_example_of_a_record() -> None:
    made = example(parse(ORDER))
    assert made["state"] == "new"
    assert check_record(parse(ORDER), made) == []


def test_examples_prefer_what_the_schema_says() -> None:
    schema = {
        "properties": {
            "a": {"examples": ["ex"], "default": "no"},
            "b": {"default": 7},
            "c": {"const": None},
            "d": {"enum": ["first", "second"]},
            "e": {"type": "string", "format": "email"},
        }
    }
    made = example(parse(schema))
    assert made == {"a": "ex", "b": 7, "c": None, "d": "first", "e": "someone@example.com"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minimum": 3, "exclusiveMaximum": 10, "multipleOf": 4},
        {"type": "integer", "maximum": -5},
        {"type": "integer", "exclusiveMinimum": 5},
        {"type": "string", "minLength": 12, "maxLength": 12},
        {"type": "string", "pattern": "^[0-9]{5}$"},
        {"type": ["null", "string"]},
        {"oneOf": [{"type": "null"}, {"type": "integer"}]},
        {"allOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["a", "b"]}]},
        {"type": "array", "items": [{"type": "string"}, {"type": "integer"}]},
        {"type": "array", "minItems": 3, "items": {"type": "boolean"}},
        {"type": "array", "maxItems": 0, "items": {"type": "boolean"}},
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "v": {"type": "string"}}},
        True,
        {},
    ],
)
def test_examples_are_valid(schema: Any) -> None:
    parsed = parse(schema)
    assert check_record(parsed, example(parsed)) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"required": ["a", "b"], "properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}}},
        {"type": "array", "minItems": 10**9, "items": {"$ref": "#"}},
        {"type": "string", "minLength": 10**9},
        {"allOf": [{"$ref": "#"}]},
        exponential(),
        {"required": [f"r{n}" for n in range(20_000)]},
    ],
)
def test_examples_are_bounded(schema: Any) -> None:
    begun = time.process_time()
    assert len(json.dumps(example(parse(schema)))) < 100_000
    assert time.process_time() - begun < 2


def test_most_schemas_of_the_corpus_have_a_valid_example() -> None:
    valid = total = 0
    for path in sorted(CORPUS.glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            parsed = parse(case["new"])
            total += 1
            valid += not check_record(parsed, example(parsed))
    assert valid / total > 0.9
