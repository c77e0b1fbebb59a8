"""Vectors: forms that are read, misses that are named, scores that are printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from schemas.conformance import Report, main, run
from schemas.management.commands.conformance_schemas import WireRegistry, token_of_a_maintainer
from schemas.wire import connections

CORPUS = Path(__file__).parent / "corpus"
SHARED = Path(__file__).parents[3] / "shared" / "vectors" / "schemas"
SCORES = ["AVRO 0/0", "JSON 0/0", "PROTOBUF 0/0", "OPENAPI 0/0", "SCENARIOS 0/0"]
INT, LONG = {"type": "int"}, {"type": "long"}


def pair(name: str = "a pair", **members: Any) -> dict[str, Any]:
    return {
        "name": name,
        "format": "AVRO",
        "old": INT,
        "new": LONG,
        "mode": "BACKWARD",
        "expected_compatible": True,
        **members,
    }


def scenario(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": "a scenario", "steps": list(steps)}


def step(method: str, path: str, expect: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"method": method, "path": path, "expect": expect, **members}


class Scripted:
    """A registry that gives the same answers in turn and notes what it was asked."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers, self.asked, self.emptied = list(answers), [], 0  # type: ignore[var-annotated]

    def fresh(self) -> None:
        self.emptied += 1

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Any
    ) -> tuple[int, Any]:
        self.asked.append((method, path, dict(headers), body))
        return self.answers.pop(0)


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Any]:
    def write(*cases: dict[str, Any], name: str = "cases.json") -> Path:
        (tmp_path / name).write_text(json.dumps({"cases": cases}))
        return tmp_path

    return write  # type: ignore[return-value]


def lines(report: Report) -> list[str]:
    return list(report.lines())


# -- pairs -----------------------------------------------------------------------------------------


def test_pairs_of_every_format_are_scored(vectors: Any) -> None:
    proto = 'syntax = "proto3"; message M { %s a = 1; }'
    api = {"openapi": "3.1.0", "info": {"title": "a", "version": "1"}}
    folder = vectors(
        pair(),
        pair("text", old="int", new='"long"'),
        pair("json", format="JSON", old=True, new={}),
        pair("proto", format="PROTOBUF", old=proto % "int32", new=proto % "string",
             expected_compatible=False),
        pair("api", format="OPENAPI", old=api, new=json.dumps(api)),
    )  # fmt: skip
    scores = ["AVRO 2/2", "JSON 1/1", "PROTOBUF 1/1", "OPENAPI 1/1", "SCENARIOS 0/0"]
    assert lines(run(folder)) == scores


def test_a_miss_is_named_with_its_reasons(vectors: Any) -> None:
    report = run(vectors(pair("narrowing", old=LONG, new=INT)))
    first, reason, *scores = lines(report)
    assert first == "AVRO narrowing: compatible expected, incompatible"
    assert reason.startswith("    TYPE_MISMATCH at /")
    assert "long" in reason
    assert scores == ["AVRO 0/1", *SCORES[1:]]


def test_the_lenient_verdict_counts_where_there_is_one(vectors: Any) -> None:
    closed = {"type": "object", "properties": {"a": {}}, "additionalProperties": False}
    case = pair(format="JSON", old={"type": "object"}, new=closed, expected_compatible=False)
    assert run(vectors({**case, "expected_compatible_lenient": True})).misses == []
    (miss,) = run(vectors({**case, "expected_compatible_lenient": False})).misses
    assert miss.expected == "strictly incompatible, leniently incompatible"
    assert miss.got == "strictly incompatible, leniently compatible"


def test_a_case_without_a_verdict_is_not_counted(vectors: Any) -> None:
    assert lines(run(vectors(pair(expected_compatible=None)))) == SCORES


def test_other_levels_are_run(vectors: Any) -> None:
    folder = vectors(
        pair(mode="FORWARD", expected_compatible=False),
        pair(mode="FULL", expected_compatible=False),
        pair(mode="NONE", old=LONG, new=INT),
    )
    assert run(folder).score("AVRO") == (3, 3)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"new": {"type": "nosuch"}}, "refused ("),
        ({"mode": "SIDEWAYS"}, "not run ("),
    ],
)
def test_a_case_that_cannot_be_run_is_a_miss(
    vectors: Any, members: dict[str, Any], said: str
) -> None:
    (miss,) = run(vectors(pair(**members))).misses
    assert said in miss.got


def test_time_that_passes_over_is_reported(vectors: Any) -> None:
    report = run(vectors(pair(max_seconds=0)))
    assert report.misses == []
    assert "took" in lines(report)[0]
    assert lines(report)[0].endswith("0 s allowed")


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", "{}", "3", '{"cases": {}}', '{"cases": [{"name": "a"}]}', '{"cases": [3]}',
     '{"cases": [{"old": {}, "new": {}, "format": "XML"}]}', "[" * 100_000],
)  # fmt: skip
def test_a_file_of_another_form_is_named_and_skipped(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.json").write_text(text)
    (tmp_path / "notes.txt").write_text("no vectors")
    assert lines(run(tmp_path)) == ["odd.json: skipped, it has another form", *SCORES]


# -- scenarios -------------------------------------------------------------------------------------


def test_scenarios_need_a_registry(vectors: Any) -> None:
    folder = vectors(scenario(step("GET", "/subjects", {"status": 200})))
    assert lines(run(folder)) == ["cases.json: scenarios need a registry, 1 skipped", *SCORES]


def test_what_was_captured_stands_in_later_steps(vectors: Any) -> None:
    registry = Scripted((200, {"id": 7, "in": [{"a": "x y"}]}), (200, {"id": 7, "more": 1}))
    folder = vectors(
        scenario(
            step("POST", "/a", {"status": 200}, body={}, capture={"id": "id", "b": "in.0.a"}),
            step("POST", "/ids/{id}", {"json_contains": {"id": "{id}"}},
                 headers={"X-A": "{b}"}, body={"schema": '{"id": {id}}', "id": "{id}", "{no}": 1}),
        )
    )  # fmt: skip
    report = run(folder, registry)
    assert report.score("SCENARIOS") == (1, 1)
    assert registry.emptied == 1
    body = {"schema": '{"id": 7}', "id": 7, "{no}": 1}
    assert registry.asked[1] == ("POST", "/ids/7", {"X-A": "x y"}, body)


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        ({"status": 201}, None),
        ({"status": [201, 204]}, None),
        ({"error_code": 40401}, {"error_code": 40402}),
        ({"error_code": [1, 2]}, [3]),
        ({"json_equals": {"a": 1}}, {"a": 1, "b": 2}),
        ({"json_contains": {"a": {"b": 1}}}, {"a": {"c": 1}}),
        ({"json_contains": ["a"]}, "a"),
        ({"json_list_has": ["a", "b"]}, ["a"]),
        ({"json_list_has": ["a"]}, {"a": 1}),
        ({"json_list_lacks": ["a"]}, ["a"]),
    ],
)
def test_an_answer_that_is_another_ends_the_scenario(
    vectors: Any, expect: dict[str, Any], answer: Any
) -> None:
    registry = Scripted((200, answer), (200, None))
    folder = vectors(scenario(step("GET", "/a", expect), step("GET", "/b", {})))
    (miss,) = run(folder, registry).misses
    assert len(registry.asked) == 1
    assert miss.reasons[0].startswith("step 1, GET /a: ")
    assert "expected" in miss.reasons[0]


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        ({"status": [409, 200], "error_code": [409, 40901]}, {"error_code": 409}),
        ({"json_equals": []}, []),
        ({"json_contains": {"a": {"b": 1}}}, {"a": {"b": 1, "c": 2}, "d": 3}),
        ({"json_contains": ["a"]}, ["b", "a"]),
        ({"json_list_has": ["a"], "json_list_lacks": ["c"]}, ["a", "b"]),
        ({}, None),
    ],
)
def test_an_answer_that_is_as_expected(vectors: Any, expect: dict[str, Any], answer: Any) -> None:
    assert run(vectors(scenario(step("GET", "/a", expect))), Scripted((200, answer))).misses == []


# -- as commands -----------------------------------------------------------------------------------


def test_as_a_module(vectors: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(vectors(pair()))]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "AVRO 1/1"
    assert main([str(vectors(pair(expected_compatible=False)))]) == 1


def test_as_a_command(vectors: Any) -> None:
    out = StringIO()
    call_command("conformance_schemas", str(vectors(pair())), pairs_only=True, stdout=out)
    assert out.getvalue().splitlines()[0] == "AVRO 1/1"
    bad = vectors(pair(expected_compatible=False))
    with pytest.raises(CommandError, match="1 cases disagree"):
        call_command("conformance_schemas", str(bad), pairs_only=True, stdout=StringIO())
    with pytest.raises(CommandError, match="no directory"):
        call_command("conformance_schemas", "nowhere", pairs_only=True)


@pytest.mark.django_db
def test_scenarios_run_on_the_wire(vectors: Any) -> None:
    record = {"schema": '{"type":"record","name":"R","fields":[]}'}
    life = scenario(
        step("GET", "/subjects", {"status": 200, "json_equals": []}),
        step("POST", "/subjects/a%2Fb/versions", {"status": 200}, body=record,
             capture={"id": "id"}),
        step("GET", "/subjects", {"json_list_has": ["a/b"]}),
        step("GET", "/schemas/ids/{id}", {"json_contains": record}),
        step("GET", "/subjects/c/versions", {"status": 404, "error_code": 40401}),
    )  # fmt: skip
    registry = WireRegistry(token_of_a_maintainer())
    # A test's own transaction lives on the connection that a request would close.
    with mock.patch.object(connections, "close_old_connections"):
        report = run(vectors(life, {**life, "name": "the same once more"}), registry)
        assert lines(report)[-1] == "SCENARIOS 2/2", lines(report)
        if SHARED.is_dir():
            assert run(SHARED, registry).misses == []


@pytest.mark.parametrize("kind", ["avro", "protobuf", "openapi"])
def test_the_projects_own_corpus(kind: str) -> None:
    report = run(CORPUS / kind)
    agree, cases = report.score(kind.upper())
    assert agree == cases > 0, lines(report)
    assert report.skipped == []
