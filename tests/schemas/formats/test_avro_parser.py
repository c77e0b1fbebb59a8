import json
from typing import Any

import pytest

from schemas.formats.avro import FORMAT
from schemas.formats.avro.logical import logical_of
from schemas.formats.avro.model import Logical, Record
from schemas.formats.base import Dependency, Format, FormatName, InvalidSchema, Parsed


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": "f", "type": kind, **more}


def refusal(document: Any, *dependencies: Dependency) -> InvalidSchema:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(InvalidSchema) as caught:
        FORMAT.parse(text, dependencies)
    return caught.value


FIXED = {"type": "fixed", "name": "F", "size": 2}
MAP = {"type": "map", "values": "int"}
LATER = {"name": "g", "type": FIXED | {"name": "Later"}}

INVALID = [
    ("", "line 1", "json"),
    ("string", "line 1", "json"),
    ('{"type": "string",}', "line 1", "json"),
    ('{"type": "string"} x', "line 1", "json"),
    ('{"type":\n"string"', "line 2", "json"),
    ('{"type": "string", "x": NaN}', "/", "json"),
    ('{"type": "string", "x": 1e999}', "/", "json"),
    ('{"type": "string", "x": "\\ud800"}', "/", "json"),
    ('{"type": "string", "x": ' + "9" * 5000 + "}", "/", "json"),
    (5, "/", "type"),
    (None, "/", "type"),
    (True, "/", "type"),
    ({}, "/", "type"),
    ({"type": {"type": "string"}}, "/type", "type"),
    ({"type": ["null", "string"]}, "/type", "type"),
    ("nosuch", "line 1", "json"),
    ('"nosuch"', "/", "unknown_type"),
    ({"type": "nosuch"}, "/type", "unknown_type"),
    (record(field("nosuch")), "/fields/0/type", "unknown_type"),
    (record(field("Later"), LATER), "/fields/0/type", "unknown_type"),
    ({"type": "record", "name": "R"}, "/", "required"),
    ({"type": "record", "name": "R", "fields": {}}, "/", "required"),
    ({"type": "record", "fields": []}, "/", "name"),
    (record(name="a-b"), "/name", "name"),
    (record(name="1a"), "/name", "name"),
    (record(name=""), "/name", "name"),
    (record(name="a..b"), "/name", "name"),
    (record(name=".a"), "/name", "name"),
    (record(name="Ré"), "/name", "name"),
    (record(name="R\n"), "/name", "name"),
    (record(name=5), "/name", "name"),
    (record(name="string"), "/name", "name"),
    (record(name="a.int"), "/name", "name"),
    (record(namespace="foo-bar-baz"), "/namespace", "name"),
    (record(namespace="a..b"), "/namespace", "name"),
    (record(namespace=5), "/namespace", "name"),
    (record(aliases="A"), "/aliases", "type"),
    (record(aliases=[1]), "/aliases", "type"),
    (record(aliases=["ok", "a-b"]), "/aliases/1", "name"),
    (record("f"), "/fields/0", "type"),
    (record({"name": "f"}), "/fields/0", "required"),
    (record({"type": "int"}), "/fields/0", "name"),
    (record({"name": "a.b", "type": "int"}), "/fields/0/name", "name"),
    (record({"name": "f\u0661", "type": "int"}), "/fields/0/name", "name"),
    (record(field("int"), field("int")), "/fields/1/name", "duplicate_field"),
    (record(field("int", order="up")), "/fields/0/order", "order"),
    (record(field("int", aliases="g")), "/fields/0/aliases", "type"),
    ({"type": "enum", "name": "E"}, "/", "required"),
    ({"type": "enum", "name": "E", "symbols": ["A", "A"]}, "/symbols/1", "duplicate_symbol"),
    ({"type": "enum", "name": "E", "symbols": ["A", "b-c"]}, "/symbols/1", "name"),
    ({"type": "enum", "name": "E", "symbols": [1]}, "/symbols/0", "name"),
    ({"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}, "/default", "default"),
    ({"type": "enum", "name": "E", "symbols": ["A"], "default": 5}, "/default", "default"),
    ({"type": "fixed", "name": "F"}, "/", "size"),
    ({"type": "fixed", "name": "F", "size": -1}, "/size", "size"),
    ({"type": "fixed", "name": "F", "size": 2.0}, "/size", "size"),
    ({"type": "fixed", "name": "F", "size": True}, "/size", "size"),
    ({"type": "fixed", "name": "F", "size": 2**31}, "/size", "size"),
    ({"type": "array"}, "/", "required"),
    ({"type": "map"}, "/", "required"),
    ({"type": "array", "items": "nosuch"}, "/items", "unknown_type"),
    ({"type": "map", "values": {"type": "array", "items": 3}}, "/values/items", "type"),
    (["int", "int"], "/1", "duplicate_branch"),
    (["int", {"type": "int", "x": 1}], "/1", "duplicate_branch"),
    ([MAP, {"type": "map", "values": "long"}], "/1", "duplicate_branch"),
    ([FIXED, "F"], "/1", "duplicate_branch"),
    (["null", ["int"]], "/1", "nested_union"),
    (record(field(FIXED), {**field(FIXED), "name": "g"}), "/fields/1/type/name", "duplicate_name"),
    (record(field(record())), "/fields/0/type/name", "duplicate_name"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "at", "rule"), INVALID)
def test_what_is_no_schema_is_refused_where_it_breaks_the_rule(
    document: Any, at: str, rule: str
) -> None:
    [error] = refusal(document).errors
    assert (error.field, error.rule) == (at, rule)
    assert error.message


RECORD = record(field("int"), {"name": "g", "type": "double", "default": 1}, name="Q")

DEFAULTS = [
    ("null", [None], ["null", 0, False]),
    ("boolean", [True, False], [0, "true", None]),
    ("int", [0, -(2**31), 2**31 - 1], [2**31, 1.0, "1", True, None]),
    ("long", [2**63 - 1, -(2**63)], [2**63, 0.5, True]),
    ("float", [0, 1.5, "NaN", "1.5", "-Infinity"], ["much", True, None]),
    ("double", [0, 1e300, "Infinity"], ["1,5", [], {}]),
    ("bytes", ["", "\u00ff"], [1, None, []]),
    ("string", ["", "<b>x</b>"], [1, None, ["x"]]),
    (FIXED, ["ab"], [12, None]),
    ({"type": "enum", "name": "E", "symbols": ["A"]}, ["A"], [0, None]),
    ({"type": "array", "items": "int"}, [[], [1, 2]], [{}, [1, "2"], None]),
    ({"type": "map", "values": "int"}, [{}, {"a": 1}], [[], {"a": "b"}]),
    (["null", "string"], [None, "second"], [1, []]),
    (["string", "null"], ["first", None], [1]),
    ([], [], [None]),
    (RECORD, [{"f": 1}, {"f": 1, "g": 2}, {"f": 1, "other": 3}], [{}, {"f": "1"}, {"g": 1}, []]),
]


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, good, _ in DEFAULTS for value in good]
)
def test_a_default_of_the_type_is_taken(kind: Any, value: Any) -> None:
    assert FORMAT.parse(json.dumps(record(field(kind, default=value))))


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, _, bad in DEFAULTS for value in bad]
)
def test_a_default_of_another_type_is_refused(kind: Any, value: Any) -> None:
    [error] = refusal(record(field(kind, default=value))).errors
    assert (error.field, error.rule) == ("/fields/0/default", "invalid_default")


def test_a_default_that_contains_itself_is_refused() -> None:
    assert refusal(record(field("R", default={}))).errors[0].rule == "invalid_default"


def test_defaults_of_schemas_from_before_the_rule_may_be_left_unchecked() -> None:
    text = json.dumps(record(field("int", default="none")), separators=(",", ":"))
    assert FORMAT.parse(text, check_defaults=False).canonical == text


def test_a_wrong_default_is_shown_in_part() -> None:
    error = refusal(record(field("int", default="x" * 1000)))
    assert len(error.message) < 250


def test_names_are_found_in_the_enclosing_namespace_then_without() -> None:
    inner = {"type": "record", "name": "x.Inner", "fields": [field(["null", "Inner", "a.R"])]}
    document = record(field(inner), {"name": "g", "type": "x.Inner"}, namespace="a")
    root = FORMAT.parse(json.dumps(document)).root
    assert isinstance(root, Record)
    assert root.fields[0].type is root.fields[1].type
    assert (root.full, root.fields[0].type.full) == ("a.R", "x.Inner")
    bare = record(field(FIXED | {"namespace": ""}), {"name": "g", "type": "F"}, namespace="a")
    assert FORMAT.parse(json.dumps(bare)).canonical.endswith('{"name":"g","type":"F"}]}')


def test_the_name_of_a_schema_is_its_full_name() -> None:
    assert FORMAT.parse(json.dumps(record(namespace="a.b"))).name == "a.b.R"
    assert FORMAT.parse('"string"').name == ""


def test_it_is_a_format() -> None:
    parsed = FORMAT.parse('{"type": "string"}')
    assert isinstance(parsed, Parsed)
    assert parsed.format is FORMAT.name is FormatName.AVRO
    assert parsed.text == '{"type":"string"}'
    language: Format = FORMAT
    assert language.version >= 1
    stranger: Any = object()
    with pytest.raises(TypeError, match="no Avro schema"):
        FORMAT.differences(parsed, stranger)


MONEY = Dependency("shop.Money", json.dumps(record(field("long"), name="shop.Money")))
ITEM = Dependency("shop.Item", json.dumps(record(field("Money"), name="Item", namespace="shop")))


def test_references_become_known_names() -> None:
    document = record(field("shop.Item"), {"name": "g", "type": "shop.Money"})
    parsed = FORMAT.parse(json.dumps(document), [MONEY, ITEM])
    assert parsed.canonical == json.dumps(document, separators=(",", ":"))
    assert parsed.foreign == {"shop.Money", "shop.Item"}


def test_a_reference_to_the_whole_schema() -> None:
    assert FORMAT.parse('"shop.Money"', [MONEY]).canonical == '"shop.Money"'


def test_references_come_before_those_that_use_them() -> None:
    error = refusal('"shop.Item"', ITEM, MONEY)
    assert "The referenced schema shop.Item" in error.message
    assert error.errors[0].rule == "unknown_type"


def test_two_texts_may_carry_one_definition_but_not_two() -> None:
    twice = Dependency("b", json.dumps(record(field(json.loads(MONEY.text)), name="B")))
    assert FORMAT.parse('["B", "shop.Money"]', [MONEY, twice])
    assert FORMAT.parse(MONEY.text, [MONEY]).canonical == '"shop.Money"'
    other = Dependency("c", json.dumps(record(field("int"), name="shop.Money")))
    assert refusal('"int"', MONEY, other).errors[0].rule == "duplicate_name"
    assert refusal(other.text, MONEY).errors[0].rule == "duplicate_name"


LOGICAL = [
    ("int", {"logicalType": "date"}, 0, Logical("date")),
    ("long", {"logicalType": "date"}, 0, None),
    ("long", {"logicalType": "timestamp-nanos"}, 0, Logical("timestamp-nanos")),
    ("string", {"logicalType": "uuid"}, 0, Logical("uuid")),
    ("fixed", {"logicalType": "uuid"}, 16, Logical("uuid")),
    ("fixed", {"logicalType": "uuid"}, 15, None),
    ("fixed", {"logicalType": "duration"}, 12, Logical("duration")),
    ("bytes", {"logicalType": "decimal", "precision": 4, "scale": 2}, 0, Logical("decimal", 4, 2)),
    ("bytes", {"logicalType": "decimal", "precision": 4}, 0, Logical("decimal", 4, 0)),
    ("bytes", {"logicalType": "decimal"}, 0, None),
    ("bytes", {"logicalType": "decimal", "precision": 2, "scale": 4}, 0, None),
    ("bytes", {"logicalType": "decimal", "precision": 0}, 0, None),
    ("bytes", {"logicalType": "decimal", "precision": "4"}, 0, None),
    ("bytes", {"logicalType": "decimal", "precision": True}, 0, None),
    ("string", {"logicalType": "decimal", "precision": 4}, 0, None),
    ("fixed", {"logicalType": "decimal", "precision": 9}, 4, Logical("decimal", 9, 0)),
    ("fixed", {"logicalType": "decimal", "precision": 10}, 4, None),
    ("fixed", {"logicalType": "decimal", "precision": 1}, 0, None),
    ("string", {"logicalType": "colour"}, 0, None),
    ("string", {"logicalType": 5}, 0, None),
]


@pytest.mark.parametrize(("kind", "props", "size", "expected"), LOGICAL)
def test_logical_types_hold_or_are_ignored(
    kind: str, props: dict[str, Any], size: int, expected: Logical | None
) -> None:
    assert logical_of(kind, props, size) == expected
