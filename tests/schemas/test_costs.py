"""What the hot paths of the registry may cost in queries, and what hostile input costs at all."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from schemas import verdicts
from schemas.models import Verdict
from schemas.wire.calls import MAX_BODY
from tests.schemas.wire import Wire, avro

ONE, TWO = avro(("id", "int")), avro(("id", "int"), ("note", "string", ""))
THREE = avro(("id", "int"), ("note", "string", ""), ("more", "string", ""))
VERSIONS = "/subjects/orders/versions"


def queries(wire: Wire, method: str, path: str, body: Any = None) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        said = wire(method, path, body)
    assert said.status == 200, said.body
    return [q["sql"] for q in captured if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]


@pytest.mark.parametrize(
    ("method", "path", "body", "most"),
    [
        ("GET", "/schemas/ids/1", None, 2),
        ("GET", "/schemas/ids/1/schema", None, 2),
        ("GET", f"{VERSIONS}/1", None, 2),
        ("GET", f"{VERSIONS}/latest", None, 2),
        ("GET", VERSIONS, None, 3),
        ("GET", "/subjects", None, 2),
        ("POST", "/subjects/orders", {"schema": ONE}, 3),
        ("POST", VERSIONS, {"schema": ONE}, 3),
        ("POST", VERSIONS, {"schema": THREE}, 9),
        ("POST", "/subjects/new/versions", {"schema": ONE}, 8),
        ("POST", "/subjects/new/versions", {"schema": THREE}, 10),
        ("POST", f"/compatibility{VERSIONS}/latest", {"schema": THREE}, 5),
    ],
)
def test_no_more_queries_than(wire: Wire, method: str, path: str, body: Any, most: int) -> None:
    wire.register("orders", ONE)
    wire.register("orders", TWO)
    wire("GET", "/schemas/ids/1")
    made = queries(wire, method, path, body)
    assert len(made) <= most, "\n".join(sql[:160] for sql in made)


def test_a_transitive_check_reads_no_verdict_but_its_own(wire: Wire) -> None:
    """A chain's versions were judged among themselves: those pairs stay where they are."""
    verdicts.forget_memory()  # of tests before, whose table is gone
    wire("PUT", "/config/chain", {"compatibility": "FULL_TRANSITIVE"})
    for number in range(5):
        optional = [(f"f{n}", "string", "") for n in range(number)]
        wire.register("chain", avro(("id", "int"), *optional))
    candidate = avro(("id", "int"), ("new", "string", ""))
    path = "/compatibility/subjects/chain/versions"
    for _ in range(2):
        verdicts.forget_memory()
        assert wire("POST", path, {"schema": candidate}).json == {"is_compatible": True}
    assert len(verdicts._kept) == 2 * 5 < Verdict.objects.count()


def deep(levels: int) -> str:
    return '{"type":"array","items":' * levels + '"int"' + "}" * levels


HOSTILE = {
    "deep": deep(10_000),
    "wide": json.dumps({"type": "enum", "name": "E", "symbols": [f"s{n}" for n in range(100_000)]}),
    "brackets": "[" * 100_000,
    "nul": '{"type":"record","name":"R","doc":"\x00","fields":[]}',
    "surrogate": '"\ud800"',
    "endless name": json.dumps({"type": "record", "name": "N" * 900_000, "fields": []}),
}


class TestHostile:
    @pytest.mark.parametrize("name", HOSTILE)
    @pytest.mark.parametrize("kind", ["AVRO", "JSON", "PROTOBUF"])
    def test_a_schema_is_taken_or_refused_soon(self, wire: Wire, name: str, kind: str) -> None:
        started = time.monotonic()
        said = wire.register("x", HOSTILE[name], schemaType=kind)
        assert time.monotonic() - started < 5
        assert said.status in {200, 422}, said.body[:300]
        assert said.status == 200 or set(said.json) == {"error_code", "message"}
        assert said.status == 200 or wire("GET", "/subjects?deleted=true").json == []

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 422),
            (b"{", 400),
            (b"[]", 422),
            (b'{"schema": 1}', 422),
            (b"[" * 1_000_000, 400),
            (b'{"schema": "\\"int\\"", "metadata": {"properties": {"a": 1}}}', 422),
            (b'{"schema": "\\"int\\"", "metadata": {"properties": {"a": "\\u0000"}}}', 422),
            (b'{"schema": "\\"int\\"", "metadata": {"properties": {"a": "\\ud800"}}}', 422),
            (b'{"schema": "\\"int\\"", "ruleSet": {"domainRules": [{}]}}', 422),
            (b'{"schema": "\\"int\\"", "references": {}}', 422),
            (b'{"schema": "\\"int\\"", "references": [{"name": 1}]}', 422),
            (b'{"schema": "\\"int\\"", "id": "x"}', 422),
            (b'{"schema": "\\"int\\"", "version": 1e99}', 422),
            (b'{"schema": "\\"int\\"", "schemaType": {"a": 1}}', 422),
            (b'{"schema": "' + b"x" * 1_000_001 + b'"}', 422),
            (b"x" * (MAX_BODY + 1), 413),
            (b"\xff\xfe", 400),
        ],
    )
    def test_a_body_is_refused(self, wire: Wire, body: bytes, status: int) -> None:
        said = wire("POST", "/subjects/x/versions", body)
        assert said.status == status, said.body[:300]
        assert said.body == b"" or set(said.json) == {"error_code", "message"}
        assert wire("GET", "/subjects?deleted=true").json == []

    @pytest.mark.parametrize(
        "query",
        ["subjectPrefix=%00", "offset=x", "limit=99999999999", "limit=0", "a=1&" * 500, "%ff=%ff"],
    )
    def test_a_query_is_answered(self, wire: Wire, query: str) -> None:
        assert wire("GET", f"/subjects?{query}").status in {200, 400, 404}

    def test_references_are_bounded(self, wire: Wire) -> None:
        wire.register("a", avro(("id", "int"), name="A"))
        held = {"name": "A", "subject": "a", "version": 1}
        many = [{**held, "name": f"A{n}"} for n in range(500)]
        assert wire.register("x", ONE, references=many).code == 42201
        assert wire.register("x", ONE, references=[held, held]).code == 42201

    def test_a_chain_of_references_is_bounded(self, wire: Wire) -> None:
        wire.register("s0", avro(("id", "int"), name="R0"))
        for n in range(1, 40):
            held = {"name": f"R{n - 1}", "subject": f"s{n - 1}", "version": 1}
            text = avro(("below", f"R{n - 1}"), name=f"R{n}")
            assert wire.register(f"s{n}", text, references=[held]).status == 200
