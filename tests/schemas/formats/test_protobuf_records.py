"""Records in protobuf's JSON mapping, and examples that pass their own check."""

from __future__ import annotations

import time
from typing import Any

import pytest

from schemas.formats.base import Dependency, InvalidSchema
from schemas.formats.protobuf import PROTOBUF, check_record, example

TEXT = """
syntax = "proto2";
package q;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
message A {
  required int32 xx_y = 1; required string s = 2; optional A a = 3; map<string, A> m = 4;
  repeated B b = 5; optional google.protobuf.Timestamp t = 6;
  optional google.protobuf.Struct st = 7;
  optional google.protobuf.Any any = 8; optional google.protobuf.FieldMask fm = 9;
  oneof k { int32 o1 = 10; string o2 = 11; }
  optional google.protobuf.Value v = 12; optional google.protobuf.Duration d = 13;
  optional google.protobuf.Int64Value iv = 14; repeated google.protobuf.Any anys = 15;
  map<int32, E> numbered = 16;
  message B { required E e = 1; repeated bytes d = 2; }
  enum E { Z = 0; Y = 1; }
}
"""
GOOD = {"xxY": 1, "s": "x"}


def places(value: Any) -> list[str]:
    return [error.field for error in check_record(PROTOBUF.parse(TEXT), value)]


@pytest.mark.parametrize(
    "value",
    [
        GOOD,
        {"xx_y": 1, "s": "x"},
        {**GOOD, "b": [{"e": "Y", "d": ["AA=="]}], "t": "2020-01-01T00:00:00Z"},
        {**GOOD, "numbered": {"1": "Z"}, "o1": 3, "iv": "5", "v": [1, None]},
    ],
)
def test_records_that_pass(value: Any) -> None:
    assert places(value) == []


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({**GOOD, "xxY": "a"}, "/xxY"),
        ({**GOOD, "xxY": 2**40}, "/xxY"),
        ({"s": "x"}, "/xx_y"),
        ({**GOOD, "b": [{"e": "Q"}]}, "/b/0/e"),
        ({**GOOD, "b": [{}]}, "/b/0/e"),
        ({**GOOD, "nope": 1}, "/nope"),
        ({**GOOD, "a": {"xxY": 2}}, "/a/s"),
        ({**GOOD, "m": {"k": {"xxY": "q"}}}, "/m/xxY"),
        ({**GOOD, "t": "yesterday"}, "/t"),
        ({**GOOD, "o1": 1, "o2": "x"}, "/"),
        ({**GOOD, "any": {"@type": "type.googleapis.com/no.Such"}}, "/any"),
        ([], "/"),
        (3, "/"),
        (None, "/"),
        ({**GOOD, "s": "x" * 1_000_001}, "/"),
        ({**GOOD, "s": object()}, "/"),
    ],
)
def test_records_that_do_not(value: Any, place: str) -> None:
    assert places(value) == [place]


def test_a_record_of_any_depth_is_answered() -> None:
    value: dict[str, Any] = dict(GOOD)
    for _ in range(100_000):
        value = {**GOOD, "a": value}
    assert places(value) == ["/"]
    while value:  # taken apart by hand: freeing it whole recurses
        value = value.get("a", {})


def test_an_example_passes() -> None:
    parsed = PROTOBUF.parse(TEXT)
    found = example(parsed)
    assert check_record(parsed, found) == []
    assert found["xxY"] == 1
    assert found["b"] == [{"e": "Y", "d": ["Ynl0ZXM="]}]
    assert "o1" in found
    assert "o2" not in found


def test_an_example_of_imported_types() -> None:
    given = [Dependency("i.proto", 'syntax = "proto3"; message I { double d = 1; bool b = 2; }')]
    parsed = PROTOBUF.parse('syntax = "proto3"; import "i.proto"; message A { I i = 1; }', given)
    assert example(parsed) == {"i": {"d": 1.5, "b": True}}


def test_examples_stay_small() -> None:
    fields = "".join(f"A f{at} = {at + 1};" for at in range(200))
    parsed = PROTOBUF.parse(f'syntax = "proto3"; message A {{ {fields} }}')
    started = time.monotonic()
    assert len(str(example(parsed))) < 20_000
    assert time.monotonic() - started < 2


def test_without_a_message_there_is_no_record() -> None:
    parsed = PROTOBUF.parse("enum E { A = 0; }")
    assert check_record(parsed, {})[0].rule == "message"
    with pytest.raises(InvalidSchema):
        example(parsed)


def test_two_versions_of_a_name_never_meet() -> None:
    one = PROTOBUF.parse('syntax = "proto3"; message Same { int32 x = 1; }')
    two = PROTOBUF.parse('syntax = "proto3"; message Same { string x = 1; }')
    assert check_record(one, {"x": 1}) == check_record(two, {"x": "a"}) == []
    assert check_record(one, {"x": "a"})
