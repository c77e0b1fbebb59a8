import json
from typing import Any

import pytest

from schemas.formats.avro import FORMAT, check_record, example, native
from schemas.formats.avro.text import compact

ADDRESS = {
    "type": "record",
    "name": "Address",
    "namespace": "shop",
    "fields": [{"name": "city", "type": "string"}, {"name": "zip", "type": ["null", "string"]}],
}
ORDER = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "amount", "type": "long"},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 2}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "to", "type": ["null", ADDRESS]},
        {"name": "lines", "type": {"type": "array", "items": "int"}},
        {"name": "tags", "type": {"type": "map", "values": "double"}},
    ],
}
GOOD: dict[str, Any] = {
    "id": "6f1f9a52-3c0e-4d61-9b7a-2d5f0c8e4b17",
    "amount": 5,
    "state": "NEW",
    "hash": "\u00ff\u0000",
    "note": "hi",
    "to": {"city": "Utrecht", "zip": None},
    "lines": [1, 2],
    "tags": {"a/b": 1, "c": 2.5, "d": "NaN"},
}


def errors(schema: Any, value: Any) -> list[tuple[str, str]]:
    parsed = FORMAT.parse(json.dumps(schema))
    return [(one.field, one.rule) for one in check_record(parsed, value)]


def test_a_good_record_has_no_error() -> None:
    assert errors(ORDER, GOOD) == []


def test_a_field_with_a_default_may_be_left_out() -> None:
    assert errors(ORDER, {key: value for key, value in GOOD.items() if key != "note"}) == []


@pytest.mark.parametrize(
    "change",
    [
        {"note": {"string": "hi"}},
        {"to": {"shop.Address": {"city": "Utrecht", "zip": {"string": "3511"}}}},
        {"to": {"shop.Address": {"city": "Utrecht", "zip": "3511"}}},
        {"to": None},
    ],
)
def test_unions_may_be_tagged_or_plain(change: dict[str, Any]) -> None:
    assert errors(ORDER, GOOD | change) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": "5"}, [("/amount", "type")]),
        ({"amount": 2**63}, [("/amount", "type")]),
        ({"amount": 5.5}, [("/amount", "type")]),
        ({"amount": True}, [("/amount", "type")]),
        ({"state": "LOST"}, [("/state", "symbol")]),
        ({"state": 0}, [("/state", "type")]),
        ({"hash": "abc"}, [("/hash", "size")]),
        ({"hash": "a\u0100"}, [("/hash", "bytes")]),
        ({"note": 5}, [("/note", "type")]),
        ({"note": {"string": 5}}, [("/note/string", "type")]),
        ({"note": {"int": 5}}, [("/note", "type")]),
        ({"to": {"zip": None}}, [("/to", "required")]),
        ({"to": {"city": 5, "zip": 5}}, [("/to/city", "type"), ("/to/zip", "type")]),
        ({"to": {"shop.Address": {"city": 5}}}, [
            ("/to/shop.Address/city", "type"), ("/to/shop.Address", "required")]),
        ({"lines": {}}, [("/lines", "type")]),
        ({"lines": [1, "2", None]}, [("/lines/1", "type"), ("/lines/2", "type")]),
        ({"tags": {"a/b~": "x"}}, [("/tags/a~1b~0", "type")]),
        ({"extra": 1}, [("/extra", "unknown_field")]),
    ],
)  # fmt: skip
def test_each_error_has_its_place(change: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert errors(ORDER, GOOD | change) == expected


def test_missing_fields_and_wrong_kinds_at_the_top() -> None:
    assert [rule for _, rule in errors(ORDER, {})] == ["required"] * 7
    assert errors(ORDER, []) == [("/", "type")]
    assert errors("int", "x") == [("/", "type")]
    assert errors([], 1) == [("/", "type")]


def test_messages_show_a_part_of_what_was_given() -> None:
    parsed = FORMAT.parse('"int"')
    for value in ("x" * 10_000, {"a": "x" * 10_000}, [1] * 10_000, float("nan"), 10**400):
        [error] = check_record(parsed, value)
        assert len(error.message) < 100
        assert "is no value of int" in error.message


def test_the_nearest_record_of_a_union_explains() -> None:
    def shape(name: str, *fields: str) -> dict[str, Any]:
        made = [{"name": field, "type": "int"} for field in fields]
        return {"type": "record", "name": name, "fields": made}

    union = [shape("A", "a", "b", "c"), shape("B", "x", "y")]
    assert errors(union, {"x": 1, "y": "2"}) == [("/y", "type")]


def test_a_record_with_the_name_of_a_branch_as_its_field() -> None:
    inner = {"type": "record", "name": "A", "fields": [{"name": "A", "type": "int"}]}
    assert errors(["null", inner], {"A": 5}) == []
    assert errors(["null", inner], {"A": {"A": 5}}) == []


def test_a_recursive_record() -> None:
    node = {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "Node"]}],
    }
    assert errors(node, {"v": 1, "next": {"v": 2, "next": {"Node": {"v": 3, "next": None}}}}) == []
    assert errors(node, {"v": 1, "next": {"v": 2, "next": {"v": "3", "next": None}}}) == [
        ("/next/next/v", "type")
    ]
    assert example(FORMAT.parse(json.dumps(node))) == {"v": 42, "next": None}


def test_an_example_is_plausible_and_right() -> None:
    fields = ORDER["fields"] + [
        {"name": "customerEmail", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "raw", "type": "bytes"},
        {"name": "ok", "type": "boolean"},
    ]
    parsed = FORMAT.parse(json.dumps(ORDER | {"fields": fields}))
    value = example(parsed)
    assert check_record(parsed, value) == []
    assert value["customerEmail"] == "ada@example.com"
    assert value["state"] == "NEW"
    assert value["to"] == {"city": "Utrecht", "zip": "zip"}
    assert value["lines"] == [42]
    assert json.loads(compact(value)) == value


def test_a_record_as_python_libraries_take_it() -> None:
    inner = {"type": "fixed", "name": "F", "size": 2}
    schema = {
        "type": "record",
        "name": "R",
        "fields": [
            {"name": "raw", "type": "bytes"},
            {"name": "one", "type": ["null", "bytes", "string"]},
            {"name": "tagged", "type": ["null", "string"]},
            {"name": "many", "type": {"type": "array", "items": inner}},
            {"name": "by", "type": {"type": "map", "values": "F"}},
        ],
    }
    value = {"raw": "\u00ff", "one": "\u0100", "tagged": {"string": "x"}, "many": ["ab"],
             "by": {"k": "cd"}}  # fmt: skip
    parsed = FORMAT.parse(json.dumps(schema))
    assert native(parsed, value) == {
        "raw": b"\xff", "one": "\u0100", "tagged": "x", "many": [b"ab"], "by": {"k": b"cd"},
    }  # fmt: skip
