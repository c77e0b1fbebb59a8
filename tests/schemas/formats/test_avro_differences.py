"""What two versions differ in: kinds, pointers into both texts, and advice."""

import json
from typing import Any

import pytest

from schemas.formats.avro import FORMAT
from schemas.formats.avro.advice import some
from schemas.formats.base import Dependency, Difference
from schemas.formats.levels import Level, findings


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, **more, "fields": list(fields)}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "F", "size": size, **more}


def decimal(precision: int, scale: int = 0) -> dict[str, Any]:
    return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}


def found(old: Any, new: Any) -> list[Difference]:
    reader, writer = FORMAT.parse(json.dumps(new)), FORMAT.parse(json.dumps(old))
    return list(FORMAT.differences(reader, writer))


INT = field("int")

# kind, pointer into the reader's, pointer into the writer's, old, new, compatible
CASES: list[tuple[Any, Any, list[tuple[str, str, str, Any, Any, bool]]]] = [
    ("int", "int", []),
    ("int", "long", [("TYPE_PROMOTED", "", "", "int", "long", True)]),
    ("string", "bytes", [("TYPE_PROMOTED", "", "", "string", "bytes", True)]),
    ("long", "int", [("TYPE_MISMATCH", "", "", "long", "int", False)]),
    (record(), "int", [("TYPE_MISMATCH", "", "", "record R", "int", False)]),
    (record(name="X"), enum(), [("TYPE_MISMATCH", "", "", "record X", "enum E", False)]),
    (record(), record(INT), [
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/0", "/fields", None, "int", False)]),
    (record(), record(field("int", default=1)), [
        ("FIELD_ADDED_WITH_DEFAULT", "/fields/0", "/fields", None, "int", True)]),
    (record(INT), record(), [("FIELD_REMOVED", "/fields", "/fields/0", "int", None, True)]),
    (record(INT), record(field("int", "g", aliases=["f"])), [
        ("FIELD_RENAMED", "/fields/0", "/fields/0", "f", "g", True),
        ("ALIASES_CHANGED", "/fields/0", "/fields/0", [], ["f"], True)]),
    (record(INT, field("int", "g")), record(field("int", aliases=["g"])), [
        ("FIELD_ALIAS_AMBIGUOUS", "/fields/0", "/fields/0", ["f", "g"], None, False),
        ("ALIASES_CHANGED", "/fields/0", "/fields/0", [], ["g"], True),
        ("FIELD_REMOVED", "/fields", "/fields/1", "int", None, True)]),
    (record(INT), record(INT, field("int", "g", aliases=["f"])), [
        ("FIELD_RENAMED", "/fields/1", "/fields/0", "f", "g", True),
        ("ALIASES_CHANGED", "/fields/1", "/fields/0", [], ["f"], True),
        ("FIELD_READ_TWICE", "/fields", "/fields/0", "f", None, True)]),
    (record(INT, field("int", "g")), record(field("int", "g"), INT), [
        ("FIELDS_REORDERED", "/fields", "/fields", ["f", "g"], ["g", "f"], True)]),
    (record(INT), record(field("int", doc="x")), [
        ("DOC_CHANGED", "/fields/0", "/fields/0", None, "x", True)]),
    (record(doc="a"), record(doc="b"), [("DOC_CHANGED", "", "", "a", "b", True)]),
    (record(INT), record(field("int", order="ignore")), [
        ("SORT_ORDER_CHANGED", "/fields/0", "/fields/0", "ascending", "ignore", True)]),
    (record(INT), record(field("int", default=0)), [
        ("DEFAULT_ADDED", "/fields/0", "/fields/0", None, 0, True)]),
    (record(field("int", default=0)), record(INT), [
        ("DEFAULT_REMOVED", "/fields/0", "/fields/0", 0, None, True)]),
    (record(field("int", default=0)), record(field("int", default=1)), [
        ("DEFAULT_CHANGED", "/fields/0", "/fields/0", 0, 1, True)]),
    (record(field("float", default=0)), record(field("float", default=0.0)), [
        ("DEFAULT_CHANGED", "/fields/0", "/fields/0", 0, 0.0, True)]),
    (record(field("string", pii=True)), record(field("string", tag=1)), [
        ("PROPERTY_CHANGED", "/fields/0", "/fields/0", {"pii": True}, {"tag": 1}, True)]),
    ({"type": "string", "x": 1, "y": 1}, {"type": "string", "x": 2, "y": 1}, [
        ("PROPERTY_CHANGED", "", "", {"x": 1}, {"x": 2}, True)]),
    ({"type": "array", "items": "int", "x": 1}, {"type": "array", "items": "long"}, [
        ("PROPERTY_CHANGED", "", "", {"x": 1}, None, True),
        ("TYPE_PROMOTED", "/items", "/items", "int", "long", True)]),
    ({"type": "map", "values": "int"}, {"type": "map", "values": "string"}, [
        ("TYPE_MISMATCH", "/values", "/values", "int", "string", False)]),
    (record(), record(name="S"), [("NAME_MISMATCH", "/name", "/name", "R", "S", False)]),
    (record(), record(name="S", aliases=["R"]), [
        ("TYPE_RENAMED", "/name", "/name", "R", "S", True),
        ("ALIASES_CHANGED", "", "", [], ["R"], True)]),
    (record(), record(namespace="n"), [
        ("NAMESPACE_CHANGED", "/name", "/name", "R", "n.R", True)]),
    (record(INT), record(field("string"), field("int", "g"), name="S"), [
        ("NAME_MISMATCH", "/name", "/name", "R", "S", False),
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1", "/fields", None, "int", False),
        ("TYPE_MISMATCH", "/fields/0/type", "/fields/0/type", "int", "string", False)]),
    (enum("A", "B"), enum("A"), [
        ("MISSING_ENUM_SYMBOLS", "/symbols", "/symbols", ["B"], None, False)]),
    (enum("A", "B", default="A"), enum("A", default="A"), [
        ("ENUM_SYMBOL_REMOVED", "/symbols", "/symbols", ["B"], None, True)]),
    (enum("A"), enum("A", "B"), [
        ("ENUM_SYMBOL_ADDED", "/symbols", "/symbols", None, ["B"], True)]),
    (enum("A", "B"), enum("B", "A"), [
        ("ENUM_SYMBOLS_REORDERED", "/symbols", "/symbols", ["A", "B"], ["B", "A"], True)]),
    (enum("A"), enum("A", default="A"), [("ENUM_DEFAULT_CHANGED", "", "", None, "A", True)]),
    (fixed(4), fixed(8), [("FIXED_SIZE_MISMATCH", "/size", "/size", 4, 8, False)]),
    ("int", ["null", "long"], [
        ("UNION_WIDENED", "", "", "int", "union of null, long", True),
        ("TYPE_PROMOTED", "/1", "", "int", "long", True)]),
    ("boolean", ["null", "long"], [
        ("MISSING_UNION_BRANCH", "", "", "boolean", "union of null, long", False)]),
    (["int", "long"], "long", [
        ("UNION_NARROWED", "", "", "union of int, long", "long", True),
        ("TYPE_PROMOTED", "", "/0", "int", "long", True)]),
    (["null", "long"], "long", [
        ("UNION_NARROWED", "", "", "union of null, long", "long", True),
        ("TYPE_MISMATCH", "", "/0", "null", "long", False)]),
    (["null", "int"], ["null", "int", "string"], [
        ("UNION_BRANCH_ADDED", "/2", "", None, "string", True)]),
    (["null", "int", "string"], ["null", "int"], [
        ("MISSING_UNION_BRANCH", "", "/2", "string", "union of null, int", False)]),
    (["null", record()], ["null", record(INT)], [
        ("MISSING_UNION_BRANCH", "", "/1", "record R", "union of null, R", False),
        ("READER_FIELD_MISSING_DEFAULT_VALUE", "/1/fields/0", "/1/fields", None, "int", False)]),
    ({"type": "long", "logicalType": "timestamp-millis"}, "long", [
        ("LOGICAL_TYPE_CHANGED", "", "", "timestamp-millis", None, True)]),
    (decimal(4, 2), decimal(8, 2), [
        ("DECIMAL_CHANGED", "", "", "decimal(4, 2)", "decimal(8, 2)", True)]),
    (fixed(12), fixed(12, logicalType="duration"), [
        ("LOGICAL_TYPE_CHANGED", "", "", None, "duration", True)]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES)
def test_each_difference_has_its_kind_and_places(
    old: Any, new: Any, expected: list[tuple[str, str, str, Any, Any, bool]]
) -> None:
    differences = found(old, new)
    assert [
        (one.kind, one.reader_at, one.writer_at, one.old, one.new, one.strict)
        for one in differences
    ] == expected
    assert all(one.lenient == one.strict for one in differences)
    assert all(one.advice.endswith(".") for one in differences if not one.strict)


def boxed(kind: str) -> dict[str, Any]:
    inner = {"type": "map", "values": record(field(kind), name="S")}
    return record(field({"type": "array", "items": inner}, "a"))


ADVICE = [
    (record(), record(field("int", "amount")),
     "records written without `amount`: give it a default"),
    (record(INT), record(field("string")), "cannot read `f` written as int: keep the type"),
    (record(field(["null", "int"])), record(field(["int"])), "cannot read `f` when it holds null"),
    (record(field(enum("A", "B"))), record(field(enum("A"))),
     "when it holds `B`: keep the symbols"),
    (enum("A", "B"), enum("A", default="A"), "read `B` as `A`"),
    (record(name="A"), record(name="B"), "list A in its `aliases`"),
    (fixed(4), fixed(8), "read 8 bytes where 4 were written"),
    ("long", "double", "lose digits of the value where a long is too large for a double"),
    (record(field(decimal(4, 2), "price")), record(field(decimal(4, 1), "price")),
     "read `price` written as bytes (decimal(4, 2)) as bytes (decimal(4, 1))"),
    ({"type": "int", "logicalType": "date"}, "int", "take the value written as int (date) for int"),
    (record(INT, field("int", "g")), record(field("int", aliases=["g"])), "(`f`, `g`)"),
    (boxed("int"), boxed("null"), "cannot read `a[]{}.f` written as int"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "part"), ADVICE)
def test_the_advice_says_who_is_hurt_and_what_to_do(old: Any, new: Any, part: str) -> None:
    assert any(part in one.advice for one in found(old, new)), [o.advice for o in found(old, new)]


def test_some_names_stand_for_many() -> None:
    assert some(["A", "B", "C"]) == "`A`, `B`, `C`"
    assert some(f"S{number}" for number in range(9)) == "`S0`, `S1`, `S2` and 6 more"


def test_every_incompatibility_is_reported() -> None:
    old = record(INT, field("string", "g"), field(enum("A", "B"), "h"), field(fixed(1), "i"))
    new = record(field("null"), field("int", "g"), field(enum("A"), "h"), field(fixed(2), "i"))
    kinds = [one.kind for one in found(old, new) if not one.strict]
    assert kinds == [
        "TYPE_MISMATCH",
        "TYPE_MISMATCH",
        "MISSING_ENUM_SYMBOLS",
        "FIXED_SIZE_MISMATCH",
    ]


def test_pointers_of_named_types_lead_to_their_definition() -> None:
    inner = record(field("int", "a"), name="S")
    later = record(field("string", "a"), name="S")
    old = record(field(["null", "string"]), field(inner, "g"))
    new = record(field(["null", later]), field("S", "g"))
    places = {(o.kind, o.reader_at, o.writer_at) for o in found(old, new) if not o.strict}
    at = ("/fields/0/type/1/fields/0/type", "/fields/1/type/fields/0/type")
    assert ("TYPE_MISMATCH", *at) in places


def test_a_type_of_another_text_is_placed_where_it_is_used() -> None:
    def parse(kind: str) -> Any:
        inner = Dependency("S", json.dumps(record(field(kind, "a"), name="S")))
        return FORMAT.parse(json.dumps(record(INT, field("S", "g"))), [inner])

    [one] = FORMAT.differences(parse("int"), parse("string"))
    assert (one.kind, one.reader_at, one.writer_at) == (
        "TYPE_MISMATCH",
        "/fields/1/type",
        "/fields/1/type",
    )


def test_a_type_that_is_used_twice_is_reported_once() -> None:
    inner, later = record(field("int", "a"), name="S"), record(field("null", "a"), name="S")
    old = record(field(inner), field("S", "g"), field({"type": "array", "items": "S"}, "h"))
    new = record(field(later), field("S", "g"), field({"type": "array", "items": "S"}, "h"))
    assert [one.kind for one in found(old, new)] == ["TYPE_MISMATCH"]


def test_the_branch_of_the_full_name_is_preferred() -> None:
    branches = [record(namespace="a"), record(namespace="b")]
    assert found([record(namespace="b")], branches)[0].kind == "UNION_BRANCH_ADDED"


@pytest.mark.parametrize(
    ("level", "breaks"),
    [
        (Level.BACKWARD, ["READER_FIELD_MISSING_DEFAULT_VALUE"]),
        (Level.FORWARD, []),
        (Level.FULL, ["READER_FIELD_MISSING_DEFAULT_VALUE"]),
        (Level.FULL_TRANSITIVE, ["READER_FIELD_MISSING_DEFAULT_VALUE"] * 2),
        (Level.NONE, []),
    ],
)
def test_levels_ask_in_both_directions(level: Level, breaks: list[str]) -> None:
    earlier = [FORMAT.parse(json.dumps(record(doc=doc))) for doc in ("1", "2")]
    candidate = FORMAT.parse(json.dumps(record(INT)))
    kinds = [one.difference.kind for one in findings(FORMAT, candidate, earlier, level)]
    assert kinds == breaks
