"""Differences of Protobuf schemas: places, words, files that import each other, bounds."""

from __future__ import annotations

import time

import pytest

from schemas.formats.base import Budget, Dependency, Difference, TooComplex
from schemas.formats.protobuf import PROTOBUF
from schemas.formats.protobuf.kinds import INCOMPATIBLE, Kind

HEAD = 'syntax = "proto3";\n'


def differences(
    old: str,
    new: str,
    old_files: dict[str, str] | None = None,
    new_files: dict[str, str] | None = None,
) -> tuple[Difference, ...]:
    writer = PROTOBUF.parse(HEAD + old, _given(old_files or {}))
    reader = PROTOBUF.parse(HEAD + new, _given(new_files or old_files or {}))
    return PROTOBUF.differences(reader, writer)


def _given(files: dict[str, str]) -> list[Dependency]:
    return [Dependency(name, HEAD + text) for name, text in files.items()]


def kinds(*args: str, **files: dict[str, str]) -> list[str]:
    return [found.kind for found in differences(*args, **files)]


def test_a_difference_says_where_what_and_what_to_do() -> None:
    (found,) = differences(
        "message A { message B { string age = 2; } }", "message A { message B { int32 age = 2; } }"
    )
    assert found == Difference(
        kind="FIELD_SCALAR_KIND_CHANGED",
        reader_at="#/A/B/2",
        writer_at="#/A/B/2",
        old="string",
        new="int32",
        strict=False,
        lenient=False,
        advice=(
            "Readers misread field 2 (`age`), written as string and read as int32: "
            "give the new meaning a new number."
        ),
    )


def test_a_place_that_a_side_lacks_is_its_parent() -> None:
    found = differences(
        "message A { string x = 1; }", "message A { oneof o { string x = 1; int32 y = 2; } }"
    )
    assert [(each.kind, each.reader_at, each.writer_at) for each in found] == [
        ("ONEOF_ADDED", "#/A/o", "#/A"),
        ("ONEOF_FIELD_ADDED", "#/A/o/2", "#/A"),
    ]
    removed, unreserved = differences("message A { string x = 1; }", "message A {}")
    assert (removed.kind, removed.reader_at, removed.writer_at) == ("FIELD_REMOVED", "#/A", "#/A/1")
    assert (unreserved.kind, unreserved.strict) == ("FIELD_DELETED_NO_NUMBER_RESERVED", True)


EVERY = [
    ("package a; message A {}", "package b; message A {}", Kind.PACKAGE_CHANGED),
    ("", "message A {}", Kind.MESSAGE_ADDED),
    ("message A {}", "", Kind.MESSAGE_REMOVED),
    ("message A {} message B {}", "message B {} message A {}", Kind.MESSAGE_MOVED),
    ("", "enum E { A = 0; }", Kind.ENUM_ADDED),
    ("enum E { A = 0; }", "", Kind.ENUM_REMOVED),
    ("enum E { A = 0; }", "enum E { A = 0; B = 1; }", Kind.ENUM_CONST_ADDED),
    ("enum E { A = 0; }", "enum E { B = 0; }", Kind.ENUM_CONST_CHANGED),
    ("enum E { A = 0; B = 1; }", "enum E { A = 0; }", Kind.ENUM_CONST_REMOVED),
    (
        "enum E { A = 0; B = 1; }",
        "enum E { A = 0; }",
        Kind.ENUM_VALUE_DELETED_NO_NUMBER_RESERVED,
    ),
    (
        "enum E { A = 0; reserved 4 to 9; }",
        "enum E { A = 0; reserved 4 to 6, 8 to 9; }",
        Kind.RESERVED_ENUM_VALUE_NUMBER_DELETED,
    ),
    ("message A {}", "message A { bool x = 1; }", Kind.FIELD_ADDED),
    ("message A { bool x = 1; }", "message A {}", Kind.FIELD_REMOVED),
    ("message A { bool x = 1; }", "message A {}", Kind.FIELD_DELETED_NO_NUMBER_RESERVED),
    ("message A { reserved 4 to 9; }", "message A {}", Kind.RESERVED_FIELD_NUMBER_DELETED),
    ("message A { bool x = 1; }", "message A { bool y = 1; }", Kind.FIELD_NAME_CHANGED),
    ("message A { bool x = 1; }", "message A { A x = 1; }", Kind.FIELD_KIND_CHANGED),
    ("message A { bool x = 1; }", "message A { bytes x = 1; }", Kind.FIELD_SCALAR_KIND_CHANGED),
    (
        "message A { A x = 1; } message B {}",
        "message A { B x = 1; } message B {}",
        Kind.FIELD_NAMED_TYPE_CHANGED,
    ),
    (
        "message A { optional bool x = 1; }",
        "message A { repeated bool x = 1; }",
        Kind.FIELD_NUMERIC_LABEL_CHANGED,
    ),
    (
        "message A { optional bytes x = 1; }",
        "message A { repeated bytes x = 1; }",
        Kind.FIELD_STRING_OR_BYTES_LABEL_CHANGED,
    ),
    ("message A {}", "message A { oneof o { bool x = 1; } }", Kind.ONEOF_ADDED),
    ("message A { oneof o { bool x = 1; } }", "message A {}", Kind.ONEOF_REMOVED),
    ("message A {}", "message A { oneof o { bool x = 1; } }", Kind.ONEOF_FIELD_ADDED),
    (
        "message A { oneof o { bool x = 1; bool y = 2; } }",
        "message A { oneof o { bool x = 1; } }",
        Kind.ONEOF_FIELD_REMOVED,
    ),
    (
        "message A { oneof o { bool x = 1; } }",
        "message A { bool x = 1; }",
        Kind.ONEOF_FIELD_MOVED_TO_TOP_LEVEL,
    ),
    (
        "message A { bool x = 1; bool y = 2; }",
        "message A { oneof o { bool x = 1; bool y = 2; } }",
        Kind.MULTIPLE_FIELDS_MOVED_TO_ONEOF,
    ),
    (
        "message A { bool x = 1; oneof o { bool y = 2; } }",
        "message A { oneof o { bool x = 1; bool y = 2; } }",
        Kind.FIELD_MOVED_TO_EXISTING_ONEOF,
    ),
]


@pytest.mark.parametrize(("old", "new", "kind"), EVERY, ids=[str(each[2]) for each in EVERY])
def test_every_kind(old: str, new: str, kind: Kind) -> None:
    found = next(each for each in differences(old, new) if each.kind == kind)
    assert found.strict is found.lenient is (kind not in INCOMPATIBLE)
    assert bool(found.advice) is (kind in INCOMPATIBLE)
    assert "None" not in found.advice
    assert "{" not in found.advice


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [("", "required bool x = 1;", "ADDED"), ("required bool x = 1;", "", "REMOVED")],
)
def test_required_fields(old: str, new: str, kind: str) -> None:
    writer, reader = (PROTOBUF.parse(f"message A {{ {fields} }}") for fields in (old, new))
    found = PROTOBUF.differences(reader, writer)[0]
    assert found.kind == f"REQUIRED_FIELD_{kind}"
    assert "field 1 (`x`)" in found.advice


def test_required_of_an_edition() -> None:
    head = 'edition = "2023"; message A { string id = 1 [features.field_presence = '
    writer, reader = (
        PROTOBUF.parse(f"{head}{presence}]; }}") for presence in ("EXPLICIT", "LEGACY_REQUIRED")
    )
    empty = PROTOBUF.parse('edition = "2023"; message A {}')
    assert PROTOBUF.differences(reader, empty)[0].kind == "REQUIRED_FIELD_ADDED"
    assert [found.kind for found in PROTOBUF.differences(writer, empty)] == ["FIELD_ADDED"]


def test_a_group_is_no_message_on_the_wire() -> None:
    head = 'edition = "2023"; message A { A a = 1 '
    plain = PROTOBUF.parse(f"{head}; }}")
    delimited = PROTOBUF.parse(f"{head}[features.message_encoding = DELIMITED]; }}")
    assert [found.kind for found in PROTOBUF.differences(delimited, plain)] == [
        "FIELD_KIND_CHANGED"
    ]


def test_inside_of_a_group() -> None:
    writer, reader, gone = (
        PROTOBUF.parse(f"message A {{ {fields} }}")
        for fields in (
            "optional group P = 1 { optional int32 n = 1; }",
            "optional group P = 1 { optional string n = 1; }",
            "reserved 1;",
        )
    )
    assert [found.kind for found in PROTOBUF.differences(reader, writer)] == [
        "FIELD_NAMED_TYPE_CHANGED",
        "FIELD_SCALAR_KIND_CHANGED",
    ]
    assert [found.kind for found in PROTOBUF.differences(gone, writer)] == ["FIELD_REMOVED"]


USE = 'import "i.proto"; message A { p.Item item = 1; map<string, p.Item> more = 2; }'


def test_an_imported_type_that_breaks_breaks_the_fields_that_use_it() -> None:
    found = differences(
        USE,
        USE,
        {"i.proto": "package p; message Item { int32 n = 1; }"},
        {"i.proto": "package p; message Item { string n = 1; }"},
    )
    assert [(each.kind, each.reader_at) for each in found] == [
        ("FIELD_NAMED_TYPE_CHANGED", "#/A/1"),
        ("FIELD_NAMED_TYPE_CHANGED", "#/A/2"),
        ("FIELD_SCALAR_KIND_CHANGED", "#/Item/1"),
    ]


def test_an_imported_type_that_grows_breaks_nothing() -> None:
    found = differences(
        USE,
        USE,
        {"i.proto": "package p; message Item { int32 n = 1; }"},
        {"i.proto": "package p; message Item { int32 n = 1; string s = 2; }"},
    )
    assert [(each.kind, each.strict) for each in found] == [("FIELD_ADDED", True)]


def test_imports_of_imports_are_followed_round_a_circle_of_types() -> None:
    new = {
        "j.proto": "package p; message Deep { Deep next = 1; bool x = 2; }",
        "i.proto": 'import "j.proto"; package p; message Item { Deep d = 1; }',
    }
    old = {**new, "j.proto": "package p; message Deep { Deep next = 1; string x = 2; }"}
    found = differences(USE, USE, old, new)
    assert {each.reader_at for each in found if not each.strict} == {
        "#/A/1",
        "#/A/2",
        "#/Item/1",
        "#/Deep/1",
        "#/Deep/2",
    }


def test_a_type_may_move_to_an_import_of_the_same_package() -> None:
    own = "package p; message A { Item i = 1; } message Item { int32 n = 1; }"
    moved = 'package p; import "i.proto"; message A { Item i = 1; }'
    files = {"i.proto": "package p; message Item { int32 n = 1; }"}
    assert kinds(own, moved, new_files=files) == ["MESSAGE_REMOVED"]
    assert kinds(moved, own, old_files=files, new_files={"k.proto": ""}) == ["MESSAGE_ADDED"]


def test_an_import_path_may_change() -> None:
    item = "package p; message Item { int32 n = 1; }"
    assert not differences(
        USE, USE.replace("i.proto", "v2/i.proto"), {"i.proto": item}, {"v2/i.proto": item}
    )


def test_fifty_types_that_all_know_each_other_take_their_pairs_once() -> None:
    names = [f"T{at}" for at in range(50)]

    def file(kind: str) -> str:
        fields = "".join(f"{name} f{at} = {at + 1};" for at, name in enumerate(names))
        bodies = "".join(f"message {name} {{ {fields} {kind} n = 200; }}" for name in names)
        return f"package p; {bodies}"

    use = 'import "i.proto"; message A { p.T0 a = 1; }'
    started = time.monotonic()
    found = differences(use, use, {"i.proto": file("int32")}, {"i.proto": file("string")})
    assert time.monotonic() - started < 4
    assert sum(each.kind == "FIELD_SCALAR_KIND_CHANGED" for each in found) == 50


def test_a_chain_of_thousands_of_types_is_no_recursion() -> None:
    def file(kind: str) -> str:
        links = "".join(f"message T{at} {{ T{at + 1} n = 1; }}" for at in range(1000))
        return f"package p; {links} message T1000 {{ {kind} n = 1; }}"

    use = 'import "i.proto"; message A { p.T0 a = 1; }'
    found = differences(use, use, {"i.proto": file("int32")}, {"i.proto": file("string")})
    assert sum(each.kind == "FIELD_NAMED_TYPE_CHANGED" for each in found) == 1001


def test_comparing_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.formats.protobuf.compare.Budget", lambda: Budget(seconds=-1))
    many = "".join(f"message M{at} {{}}" for at in range(100))
    with pytest.raises(TooComplex):
        differences(many, many)


def test_fifty_versions_compare_in_time() -> None:
    fields = "".join(f"string f{at} = {at};" for at in range(1, 21))
    versions = [
        PROTOBUF.parse(f"{HEAD} message A {{ {fields} int32 v{at} = {at + 100}; }}")
        for at in range(50)
    ]
    started = time.monotonic()
    for version in versions:
        PROTOBUF.differences(versions[-1], version)
    assert time.monotonic() - started < 1
