"""Avro containers: what another library writes is read, resolved, and never trusted."""

from __future__ import annotations

import bz2
import contextlib
import io
import json
import lzma
import time
import zlib
from typing import Any

import fastavro
import pytest
from fastavro._read_common import SchemaResolutionError
from hypothesis import given, settings
from hypothesis import strategies as st

from idp.common.errors import Invalid
from schemas.datafiles.binary import Corrupt, Decoder, Steps
from schemas.datafiles.checking import Report, _container
from schemas.datafiles.container import MAX_BLOCK, Container
from schemas.formats import avro
from tests.schemas.datafiles.files import SYNC, block, header, long, packed, text

ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "prices", "type": {"type": "map", "values": "double"}},
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "PAID"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}},
        {"name": "paid", "type": "boolean"},
        {"name": "raw", "type": "bytes"},
        {"name": "rate", "type": "float"},
    ],
}
RECORD = {
    "id": 1, "note": "x", "tags": ["a", "b"], "prices": {"eur": 1.5}, "state": "PAID",
    "hash": b"abcd", "paid": True, "raw": b"\x00\xff", "rate": 0.5,
}  # fmt: skip
NODE = {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]}
ENDLESS = {"type": "record", "name": "E", "fields": [{"name": "e", "type": "E"}]}
NULLS = {"type": "array", "items": "null"}


def held(data: bytes, schema: Any = ORDER) -> Report:
    return _container(avro.FORMAT.parse(json.dumps(schema)), io.BytesIO(data))


def deflated(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-15)


def with_field(name: str, changed: Any) -> dict[str, Any]:
    own = {"name": name, "type": changed}
    fields = [own if one["name"] == name else one for one in ORDER["fields"]]
    return {**ORDER, "fields": fields}


def without(name: str, **more: Any) -> dict[str, Any]:
    return {**ORDER, "fields": [one for one in ORDER["fields"] if one["name"] != name], **more}


def places(report: Report) -> list[tuple[int, str, str]]:
    return [(one.record, one.error.field, one.error.rule) for one in report.faults]


class TestReading:
    @pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
    def test_every_codec_of_the_standard_library(self, codec: str) -> None:
        found = held(packed(ORDER, [RECORD] * 50, codec))
        assert (found.valid, found.records, found.faults) == (True, 50, [])
        assert found.sentence == "50 records fit."

    def test_one_that_is_not_unpacked_says_which_are(self) -> None:
        found = held(header(ORDER, "zstandard") + block(b"", 1))
        assert found.stopped.startswith("Blocks packed with zstandard are not unpacked here.")
        assert not found.valid

    def test_a_file_without_records_fits(self) -> None:
        assert held(packed(ORDER, [])).valid

    def test_a_newer_reader_takes_what_it_resolves(self) -> None:
        reader = with_field("id", "double")
        reader["fields"] = [*reader["fields"], {"name": "more", "type": "int", "default": 0}]
        assert held(packed(ORDER, [RECORD]), reader).valid
        assert held(packed(ORDER, [RECORD]), without("raw")).valid
        renamed = {**ORDER, "name": "Sale", "aliases": ["shop.Order"]}
        assert held(packed(ORDER, [RECORD]), renamed).valid

    def test_what_a_reader_lacks_is_told_by_record_and_pointer(self) -> None:
        reader = {**ORDER, "fields": [*ORDER["fields"], {"name": "more", "type": "int"}]}
        found = held(packed(ORDER, [RECORD, RECORD]), reader)
        assert places(found) == [(0, "/more", "required"), (1, "/more", "required")]
        assert found.differences[0].kind == "READER_FIELD_MISSING_DEFAULT_VALUE"
        assert found.sentence == "2 of 2 records do not fit."

    def test_only_the_records_that_break_are_wrong(self) -> None:
        reader = with_field("state", {"type": "enum", "name": "State", "symbols": ["NEW"]})
        paid, new = RECORD, {**RECORD, "state": "NEW"}
        found = held(packed(ORDER, [new, paid, new]), reader)
        assert places(found) == [(1, "/state", "symbol")]
        narrow = with_field("note", "string")
        found = held(packed(ORDER, [RECORD, {**RECORD, "note": None}]), narrow)
        assert places(found) == [(1, "/note", "type")]

    def test_a_schema_that_only_happens_to_fit_is_told(self) -> None:
        found = held(packed(ORDER, [RECORD]), with_field("note", "string"))
        assert (found.wrong, found.valid) == (0, False)
        assert "none that readers of this version can read" in found.sentence

    def test_places_inside_lists_and_maps(self) -> None:
        inner = {"type": "array", "items": ["string", "int"]}
        data = packed(with_field("tags", inner), [{**RECORD, "tags": ["a", 5]}])
        assert places(held(data)) == [(0, "/tags/1", "type")]
        keyed = {"type": "map", "values": ["double", "string"]}
        data = packed(with_field("prices", keyed), [{**RECORD, "prices": {"a/b": "x"}}])
        assert places(held(data)) == [(0, "/prices/a~1b", "type")]

    def test_bytes_read_as_text_have_to_be_text(self) -> None:
        found = held(packed(ORDER, [RECORD]), with_field("raw", "string"))
        assert places(found) == [(0, "/raw", "utf-8")]

    def test_a_recursive_type_is_followed(self) -> None:
        chain: Any = None
        for _ in range(30):
            chain = {"next": chain}
        assert held(packed(NODE, [chain]), NODE).valid


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Any, Any, list[Any]]:
    """A writer's field, a reader's, and values of the writer's."""
    kinds: dict[str, Any] = {
        "int": st.integers(-(2**31), 2**31 - 1),
        "long": st.integers(-(2**63), 2**63 - 1),
        "double": st.floats(allow_nan=False),
        "string": st.text(max_size=5),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    types = st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=3, unique=True)
    writer, reader = draw(types), draw(types)
    values = draw(st.lists(st.one_of([kinds[kind] for kind in writer]), max_size=4))
    return writer, reader, values


@settings(max_examples=150, deadline=None)
@given(pairs())
def test_another_library_agrees(made: tuple[Any, Any, list[Any]]) -> None:
    writer, reader, values = made
    schemas = [
        {"type": "record", "name": "R", "fields": [{"name": "v", "type": kind}]}
        for kind in (writer, reader)
    ]
    data = packed(schemas[0], [{"v": value} for value in values])
    ours = held(data, schemas[1])
    theirs = 0
    for at in range(len(values)):
        try:
            one = packed(schemas[0], [{"v": values[at]}])
            list(fastavro.reader(io.BytesIO(one), fastavro.parse_schema(schemas[1])))
        except SchemaResolutionError:
            theirs += 1
    assert ours.wrong == theirs
    assert ours.records == len(values)


class TestHostile:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "ends in the middle"),
            (b"Obj\x02", "does not begin"),
            (b"Obj\x01", "ends in the middle"),
            (b"Obj\x01" + long(0) + SYNC, "holds no schema"),
            (b"Obj\x01" + long(2**40), "announces"),
            (b"Obj\x01" + long(1) + long(2**40), "announces"),
            (b"Obj\x01" + long(1) + long(-5), "announces"),
            (b"Obj\x01" + b"\xff" * 40, "longer than ten bytes"),
            (header(ORDER) + long(1) + long(-1), "announced"),
            (header(ORDER) + block(b"", -1), "announced"),
            (header(ORDER) + block(b"\x02", 1), "announced"),
            (header("long") + block(b"\x02", 1, b"x" * 16), "sync marker"),
            (header("long") + block(b"\x02\x02", 1), "more bytes than its records take"),
            (header("long") + long(1) + text(b"\x02"), "ends in the middle"),
            (header("string") + block(long(2**50), 1), "announced"),
            (header("string") + block(long(-3), 1), "announced"),
            (header("int") + block(long(2**40), 1), "is no int"),
            (header("boolean") + block(b"\x07", 1), "neither 0 nor 1"),
            (header(["null", "int"]) + block(long(9), 1), "no branch"),
            (header(["null", "int"]) + block(long(-1), 1), "no branch"),
            (header({"type": "enum", "name": "E", "symbols": ["A"]}) + block(long(4), 1), "symbol"),
            (header("int", "deflate") + block(b"\xff\xff", 1), "cannot be unpacked"),
            (header("int", "bzip2") + block(b"junk", 1), "cannot be unpacked"),
            (header("int", "xz") + block(b"junk", 1), "cannot be unpacked"),
            (header("int", "deflate") + block(deflated(b"x" * 99)[:-4], 1), "middle"),
            (header("double") + block(b"\x00" * 7, 1), "announced"),
            (header({"type": "array", "items": "int"}) + block(long(-3) + long(2**40), 1), "block"),
        ],
    )  # fmt: skip
    def test_damage_is_told_and_ends(self, data: bytes, words: str) -> None:
        found = held(data)
        assert not found.valid
        assert words in found.faults[-1].error.message
        assert found.stopped == "The file is damaged."

    @pytest.mark.parametrize(
        "schema", [b"", b"{", b'"Nobody"', b"[" * 100_000, b'{"type": "record"}', b"\xff"]
    )
    def test_a_schema_that_is_none(self, schema: bytes) -> None:
        with contextlib.suppress(Invalid):
            assert "schema" in held(header(schema)).faults[0].error.message

    @pytest.mark.parametrize(
        "data",
        [
            header("string", "deflate") + block(deflated(b"\x00" * MAX_BLOCK * 6), 1),
            header("string", "bzip2") + block(bz2.compress(b"\x00" * MAX_BLOCK * 6), 1),
            header("string", "xz") + block(lzma.compress(b"\x00" * MAX_BLOCK * 6), 1),
        ],
        ids=["deflate", "bzip2", "xz"],
    )  # fmt: skip
    def test_a_bomb_is_never_unpacked(self, data: bytes) -> None:
        begun = time.monotonic()
        found = held(data, "string")
        assert found.stopped.startswith("A block unpacks to more than")
        assert time.monotonic() - begun < 5

    def test_counts_beyond_reason_end(self) -> None:
        found = held(header(NULLS) + block(long(2**60) + long(0), 1), NULLS)
        assert "values" in found.stopped
        found = held(header("null") + block(b"", 2**60), "null")
        assert found.stopped.startswith("More than 100,000 records")
        assert found.records == 100_000

    def test_a_record_within_itself_ends(self) -> None:
        found = held(header(ENDLESS) + block(b"", 1), ENDLESS)
        assert "nested more than 100" in found.stopped
        deep = long(1) * 5000 + long(0)
        assert "nested more than 100" in held(header(NODE) + block(deep, 1), NODE).stopped

    def test_a_block_too_large_is_not_read(self) -> None:
        found = held(header("string") + long(1) + long(MAX_BLOCK + 1))
        assert found.stopped.startswith("A block has 16,777,217 bytes")

    def test_faults_are_bounded_and_counted_on(self) -> None:
        data = packed({"type": "array", "items": "int"}, [[1] * 200] * 500)
        found = held(data, {"type": "array", "items": "string"})
        assert (len(found.faults), found.wrong, found.left_out) == (100, 500, True)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=60), st.integers(0, 300))
    def test_no_bytes_are_too_strange(self, junk: bytes, at: int) -> None:
        data = packed(ORDER, [RECORD] * 3)
        at %= len(data)
        with contextlib.suppress(Invalid):
            assert held(data[:at] + junk + data[at + len(junk) :]).records <= 100_000

    def test_numbers_end_after_ten_bytes(self) -> None:
        with pytest.raises(Corrupt):
            Decoder(b"\x80" * 11, Steps()).long()
        assert Decoder(long(-(2**63)), Steps()).long() == -(2**63)

    def test_streams_that_give_little_at_a_time(self) -> None:
        class Slow(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(min(size or 0, 3))

        assert Container(Slow(packed(ORDER, [RECORD]))).schema


def test_defaults_of_a_reader_are_resolved_once() -> None:
    """A small file of many records without fields, before a reader with a thousand defaults."""
    bare = {"type": "record", "name": "R", "fields": []}
    many = [{"name": f"f{n}", "type": "int", "default": 0} for n in range(1000)]
    data = header({"type": "array", "items": bare}) + block(long(200_000) + long(0), 1)
    started = time.monotonic()
    found = held(data, {"type": "array", "items": {**bare, "fields": many}})
    assert found.valid, found.sentence
    assert time.monotonic() - started < 8


def test_a_header_of_empty_entries_is_bounded() -> None:
    entries = long(100) + (long(0) + long(0)) * 100
    with pytest.raises(Corrupt, match="entries"):
        Container(io.BytesIO(b"Obj\x01" + entries * 1000 + long(0) + SYNC))


def test_blocks_of_nothing_are_bounded() -> None:
    data = header(NULLS) + block(b"", 0) * 100_001
    assert "more than 100,000 blocks" in held(data, NULLS).sentence
