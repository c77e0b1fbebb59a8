"""`.proto` text and base64 descriptors in, one canonical text out that compiles back."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import grpc_tools
import pytest
from google.protobuf import descriptor_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.formats.base import Dependency, FormatName, InvalidSchema
from schemas.formats.protobuf import PROTOBUF, ProtobufSchema, serialized
from schemas.formats.protobuf.builtin import is_builtin

PACKAGES = Path(grpc_tools.__file__).parent.parent
FOLDERS = ("grpc_tools/_proto/google/protobuf", "google/type", "google/api", "google/rpc")
FILES = {
    str(path.relative_to(PACKAGES)): path
    for folder in FOLDERS
    for path in sorted((PACKAGES / folder).rglob("*.proto"))
}
IMPORT = re.compile(r'^import (?:public |weak )?"([^"]+)"', re.MULTILINE)

PROTO2 = r"""
syntax = "proto2";
package a.b;
import "google/protobuf/descriptor.proto";
import public "google/protobuf/any.proto";
option java_package = "x";
option (fo) = {a: 1 b: "q\"\n" c { a: 2 } d: [1, 2] e: inf [a.b.ext]: 3};
extend google.protobuf.FileOptions { optional Opt fo = 50000; repeated string rs = 50001; }
extend google.protobuf.FieldOptions {
  optional float fl = 50002; optional double db = 50003; optional bytes by = 50004;
  optional E en = 50005; repeated int32 ri = 50006;
}
message Opt {
  optional int32 a = 1; optional string b = 2; optional Opt c = 3; repeated int32 d = 4;
  optional float e = 5; extensions 100 to 200;
}
extend Opt { optional int32 ext = 100; }
enum E {
  option allow_alias = true; Z = 0; Y = 1 [deprecated = true]; YY = 1; N = -5;
  reserved 10 to 20, 30, 100 to max; reserved "foo", "bar";
}
message M {
  option deprecated = true;
  message Inner1 { optional int32 b = 1; message c {} optional .a.b.M.Inner1.c d = 2; }
  map<string, Inner1> m1 = 1;
  message Inner2 {}
  repeated group Result = 2 {
    required string url = 1; optional Inner2 i = 2; message Deep {} optional group G = 3 {}
  }
  optional int32 x = 3 [default = -5, (fl) = 1.1, (db) = 1e-300, (.a.b.by) = "\000\377\"",
                        (en) = Y, (ri) = 1, (ri) = 2, json_name = "X-y"];
  optional string s = 4 [default = "q\"\\ \001 é\n"];
  optional bytes by = 5 [default = "\000\xff\"'"];
  optional double d = 6 [default = inf]; optional float f = 7 [default = -inf];
  optional float n = 8 [default = nan]; optional float f2 = 16 [default = 1.5e10];
  optional E e = 9 [default = N]; optional bool bo = 10 [default = true];
  required M self = 11; optional uint64 u = 12 [default = 18446744073709551615];
  oneof one {
    option (oo) = true;
    int32 o1 = 13; group OG = 14 { optional int32 z = 1; } string o2 = 15 [deprecated = true];
  }
  map<int32, a.b.E> m2 = 17;
  message Inner3 {}
  extensions 1000 to 1999 [declaration = {number: 1000, full_name: ".x.y", type: ".x.T"},
                           verification = DECLARATION];
  extensions 3000, 4000 to max;
  reserved 500, 600 to 700; reserved "old", "older";
  extend M { optional int32 ext1 = 3000; repeated group ExtG = 4000 { optional int32 q = 1; } }
  extend google.protobuf.OneofOptions { optional bool oo = 60000; }
  enum b { B0 = 0; }
}
message Set { option message_set_wire_format = true; extensions 4 to max; }
service Svc {
  option deprecated = true;
  rpc A(M) returns (stream Opt);
  rpc B(stream M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
}
"""
PROTO3 = """
syntax = "proto3";
package foo.bar;
import "google/protobuf/timestamp.proto";
import "confluent/meta.proto";
import "confluent/type/decimal.proto";
import "google/type/date.proto";
option (confluent.file_meta).doc = "hello";
option (confluent.file_meta).tags = "PII";
message google {
  message protobuf { message Timestamp {} }
  .google.protobuf.Timestamp t = 1; google.protobuf.Timestamp u = 2; .google.type.Date d = 3;
}
message A {
  option (confluent.message_meta) = {doc: "d", params: [{key: "b" value: "c"}], tags: ["x"]};
  optional int32 x = 1 [(confluent.field_meta).tags = "PII", (confluent.field_meta).tags = "B"];
  oneof q { int32 y = 2; A a = 3; }
  optional string z = 4; repeated int32 p = 5 [packed = false]; confluent.type.Decimal dec = 6;
  bar b = 7; foo.bar.bar c = 8; int32 foo = 9; bytes B__c = 10; int32 _u = 11;
  map<string, .google.protobuf.Timestamp> mm = 12;
}
message bar {}
"""
EDITION_2023 = """
edition = "2023";
package ed;
import "google/protobuf/cpp_features.proto";
option features.field_presence = IMPLICIT;
option features.enum_type = CLOSED;
option features.(pb.cpp).legacy_closed_enum = true;
message A {
  int32 x = 1 [features.field_presence = EXPLICIT, default = 5];
  int32 r = 2 [features.field_presence = LEGACY_REQUIRED];
  A a = 3 [features.message_encoding = DELIMITED];
  repeated int32 p = 4 [features.repeated_field_encoding = EXPANDED];
  reserved foo, bar;
  map<string, A> m = 5; string s = 6 [features = {utf8_validation: NONE}]; oneof o { int32 i = 7; }
}
enum E { option features.enum_type = OPEN; Z = 0; reserved qux; reserved 5 to max; }
"""
EDITION_2024 = """
edition = "2024";
package ed;
export message A { local message B {} local enum E { Z = 0; } B b = 1; }
local message C {}
"""
NUMBERS = """
syntax = "proto2";
import "google/protobuf/descriptor.proto";
extend google.protobuf.FileOptions {
  optional float f = 50000; optional double d = 50001; optional sint64 i = 50002;
  optional float g = 50003; optional double h = 50004; optional double k = 50005;
  optional float l = 50006; optional double n = 50007;
}
option (f) = 3.4028235e38; option (d) = 0.1; option (i) = -9223372036854775808;
option (g) = inf; option (h) = -inf; option (k) = nan; option (l) = 1e-45; option (n) = 1e22;
"""
HARD = {
    "proto2": PROTO2,
    "proto3": PROTO3,
    "edition 2023": EDITION_2023,
    "edition 2024": EDITION_2024,
    "numbers in options": NUMBERS,
    "no syntax": "message A { optional int32 a = 1; }",
    "no package, shadowed": 'syntax = "proto3"; message A { B b = 1; message B { B c = 1; } }',
    "only an enum": 'syntax = "proto3"; enum E { A = 0; }',
    "only imports": 'import public "google/protobuf/empty.proto";',
}


def imports_of(text: str, seen: set[str]) -> list[Dependency]:
    found: list[Dependency] = []
    for name in IMPORT.findall(text):
        if name in FILES and not is_builtin(name) and name not in seen:
            seen.add(name)
            inner = FILES[name].read_text()
            found += [*imports_of(inner, seen), Dependency(name, inner)]
    return found


def said(parsed: ProtobufSchema) -> str:
    """The descriptor in words, custom options read."""
    return str(parsed.file)


def holds(text: str, dependencies: list[Dependency]) -> None:
    parsed = PROTOBUF.parse(text, dependencies)
    # A comment keeps the store of compiled schemas from answering for the compiler.
    again = PROTOBUF.parse(parsed.canonical + "// again", dependencies)
    assert said(again) == said(parsed)
    assert again.canonical == parsed.canonical
    sent = PROTOBUF.parse(serialized(parsed), dependencies)
    assert sent.canonical == parsed.canonical
    normal = PROTOBUF.parse(parsed.normalised, dependencies)
    assert normal.normalised == parsed.normalised
    found = PROTOBUF.differences(normal, parsed)
    assert [difference.kind for difference in found] == []


@pytest.mark.parametrize("name", [*FILES])
def test_published_files_compile_back(name: str) -> None:
    text = FILES[name].read_text()
    holds(text, imports_of(text, set()))


@pytest.mark.parametrize("name", [*HARD])
def test_everything_a_text_can_say_compiles_back(name: str) -> None:
    holds(HARD[name], [])


TYPES = st.sampled_from(["int32", "string", "bytes", "sint64", "double", "M0", "M1", "E", "M0.In"])


@st.composite
def texts(draw: st.DrawFn) -> str:
    numbers = draw(st.lists(st.integers(1, 18_999), min_size=1, max_size=8, unique=True))
    lines = [f"  {_field(draw, at, number)}" for at, number in enumerate(numbers)]
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), "  message In { int32 a = 1; }")
    else:
        lines.append("  message In {}")
    lines.append(f"  reserved {draw(st.integers(20_000, 90_000))} to max;")
    package = draw(st.sampled_from(["", "package p;", "package p.M0;"]))
    tail = "message M1 {}\nenum E { Z = 0; }\n"
    return f'syntax = "proto3";\n{package}\nmessage M0 {{\n' + "\n".join(lines) + "\n}\n" + tail


def _field(draw: st.DrawFn, at: int, number: int) -> str:
    kind, form = draw(TYPES), draw(st.sampled_from(["", "optional", "repeated", "map", "oneof"]))
    if form == "map":
        return f"map<string, {kind}> f{at} = {number};"
    if form == "oneof":
        return f"oneof o{at} {{ {kind} f{at} = {number}; }}"
    return f"{form} {kind} f_{at} = {number};"


@settings(max_examples=60, deadline=None)
@given(texts())
def test_any_text_compiles_back(text: str) -> None:
    holds(text, [])


def test_text_and_base64_are_one_schema() -> None:
    text = 'syntax = "proto3"; package shop; message Order { string id = 1; int32 n_m = 2; }'
    parsed = PROTOBUF.parse(text)
    assert parsed.format is FormatName.PROTOBUF
    assert parsed.name == "shop.Order"
    assert parsed.text == parsed.canonical
    assert parsed.canonical == (
        'syntax = "proto3";\npackage shop;\n\nmessage Order {\n'
        "  string id = 1;\n  int32 n_m = 2;\n}\n"
    )
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized(parsed)))
    assert file.name == "default"
    for field in file.message_type[0].field:
        field.ClearField("json_name")  # as generated Python code leaves it out
    file.name = "orders/v1/order.proto"
    assert PROTOBUF.parse(_b64(file)).canonical == parsed.canonical


def test_comments_and_layout_are_no_part_of_it() -> None:
    one = PROTOBUF.parse('// a\nsyntax = "proto3";\n\n\nmessage A { /* b */ int32 x = 1; }')
    two = PROTOBUF.parse('syntax="proto3";message A{int32 x=0x1;}')
    assert one.canonical == two.canonical


def test_a_schema_without_a_message_has_no_name() -> None:
    assert not PROTOBUF.parse("enum E { A = 0; }").name


def test_the_normal_form_sorts_what_means_nothing() -> None:
    one = PROTOBUF.parse(
        'syntax = "proto3"; import "google/protobuf/duration.proto";'
        'import "google/protobuf/any.proto"; option java_package = "j"; option go_package = "g";'
        "message A { B b = 2; google.protobuf.Any a = 1; google.protobuf.Duration d = 3; }"
        "message B { reserved 9, 7; } enum E { Z = 0; Y = 2; X = 1; }"
    )
    two = PROTOBUF.parse(
        'syntax = "proto3"; import "google/protobuf/any.proto"; option go_package = "g";'
        'import "google/protobuf/duration.proto"; option java_package = "j";'
        "message A { google.protobuf.Any a = 1; B b = 2; google.protobuf.Duration d = 3; }"
        "message B { reserved 7, 9; } enum E { Z = 0; X = 1; Y = 2; }"
    )
    assert one.canonical != two.canonical
    assert one.normalised == two.normalised
    assert "  .B b = 2;" in one.normalised


@pytest.mark.parametrize("package", ["", "package p;"])
def test_a_map_may_be_written_out_as_other_registries_print_it(package: str) -> None:
    entry = "message {}Entry {{ option map_entry = true; {} key = 1; {} value = 2; }}"
    out = (
        f'syntax = "proto3"; {package} message A {{ repeated Tag_sEntry x = 1;'
        f" repeated TagSEntry tag_s = 2; {entry.format('TagS', 'string', 'int32')}"
        " message Tag_sEntry { int32 key = 1; int32 value = 2; }"
        f" message B {{ repeated NEntry n = 1; {entry.format('N', 'bool', 'A')} }} }}"
    )
    parsed = PROTOBUF.parse(out)
    assert "  repeated A.Tag_sEntry x = 1;" in parsed.canonical
    assert "  map<string, int32> tag_s = 2;" in parsed.canonical
    assert "    map<bool, A> n = 1;" in parsed.canonical
    assert PROTOBUF.parse(serialized(parsed)).canonical == parsed.canonical


def test_an_entry_of_no_map_is_a_message() -> None:
    text = 'syntax = "proto3"; message A { option map_entry = true; string key = 1; }'
    assert "message A {" in PROTOBUF.parse(text).canonical


def test_normalising_keeps_the_places_of_nested_messages() -> None:
    parsed = PROTOBUF.parse(
        'syntax = "proto3"; message A { map<string, int32> z = 2; message In {} int32 q = 7;'
        " map<string, int32> a = 1; message Last {} }"
    )
    again = PROTOBUF.parse(parsed.normalised)
    places = [inner.name for inner in again.file.message_type[0].nested_type]
    assert (places.index("In"), places.index("Last")) == (1, 3)


def test_maps_of_a_descriptor_may_stand_in_any_order() -> None:
    text = (
        'syntax = "proto3"; message A { map<string, int32> a = 1; message In {}'
        " map<string, int32> b = 2; }"
    )
    parsed = PROTOBUF.parse(text)
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized(parsed)))
    file.message_type[0].nested_type.sort(key=lambda inner: inner.name == "AEntry")
    places = [inner.name for inner in file.message_type[0].nested_type]
    again = PROTOBUF.parse(_b64(file))
    assert again.file.message_type[0].nested_type[places.index("In")].name == "In"


def test_groups_in_an_order_that_no_text_gives_are_refused() -> None:
    parsed = PROTOBUF.parse("message A { optional group X = 1 {} optional group Y = 2 {} }")
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(serialized(parsed)))
    file.message_type[0].nested_type.sort(key=lambda inner: inner.name, reverse=True)
    with pytest.raises(InvalidSchema, match="order"):
        PROTOBUF.parse(_b64(file))


@settings(max_examples=30, deadline=None)
@given(texts(), texts())
def test_any_two_schemas_compare(one: str, two: str) -> None:
    first, second = PROTOBUF.parse(one), PROTOBUF.parse(two)
    for reader, writer in ((first, second), (second, first)):
        for difference in PROTOBUF.differences(reader, writer):
            assert bool(difference.advice) is not difference.strict
    assert PROTOBUF.differences(first, first) == ()


def test_only_protobuf_meets_protobuf() -> None:
    parsed = PROTOBUF.parse("message A {}")
    with pytest.raises(TypeError, match="Protobuf"):
        PROTOBUF.differences(parsed, object())  # type: ignore[arg-type]  # the wrong side


def _b64(file: descriptor_pb2.FileDescriptorProto) -> str:
    return base64.b64encode(file.SerializeToString()).decode()
