"""The migration lint by REST, by page and by `slipway`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rbac.actors import Actor
from schemas.databases.models import Database
from tests.rbac.factories import Characters
from tests.schemas.databases.conftest import Rest, signed_in
from tests.schemas.databases.factories import declare
from tests.support.console import Script, run

As = Callable[[str], Rest]
RISKY = "SET lock_timeout = '2s';\nALTER TABLE orders DROP COLUMN note;\n"
PATIENT = RISKY.replace("ALTER", "-- slipway: allow ban-drop-column nobody reads it\nALTER")


def test_a_risky_migration_is_refused_with_its_line(rest: As, people: Characters) -> None:
    answer = rest("viewer")("POST", "migrations/lint/", {"sql": RISKY})
    assert not answer["passes"]
    assert [(one["rule"], one["line"], one["touches"]) for one in answer["findings"]] == [
        ("ban-drop-column", 2, "orders.note")
    ]
    answer = rest("viewer")("POST", "migrations/lint/", {"sql": PATIENT})
    assert answer["passes"]
    assert answer["findings"][0]["acknowledged"] == "nobody reads it"


def test_bad_input_is_refused(rest: As, people: Characters) -> None:
    for body in ({}, {"sql": "x" * 200_001}, {"sql": "SELECT 1", "server": 1}, {"sqll": ""}):
        rest("viewer")("POST", "migrations/lint/", body, 422)
    rest("viewer")("POST", "migrations/lint/", {"sql": "SELECT " + "(" * 50_000}, 422)
    rest("viewer")("POST", "migrations/lint/", {"sql": "SELECT 1", "database": 4711}, 404)


def test_a_declared_schema_makes_types_known(
    rest: As, database: Database, scratch_url: str, people: Characters
) -> None:
    declare(Actor(people.developer), database, "CREATE TABLE orders (n varchar(9));")
    sql = "SET lock_timeout = '2s'; ALTER TABLE orders ALTER n TYPE varchar(20);"
    blind = rest("viewer")("POST", "migrations/lint/", {"sql": sql})
    known = rest("viewer")("POST", "migrations/lint/", {"sql": sql, "database": database.pk})
    assert "changing-column-type" in {one["rule"] for one in blind["findings"]}
    assert known["findings"] == []


def finding(**other: Any) -> dict[str, Any]:
    return {
        "rule": "ban-drop-column",
        "level": "error",
        "line": 2,
        "column": 1,
        "sentence": "Dropping column `orders.note` loses its data.",
        "fix": "Drop it later.",
        "touches": "orders.note",
        "acknowledged": "",
        "statement": "ALTER TABLE orders DROP COLUMN note",
        "readers": "",
        "refuses": True,
        **other,
    }


@pytest.fixture
def migration(tmp_path: Path) -> Path:
    file = tmp_path / "0002.sql"
    file.write_text(RISKY)
    return file


def test_the_command_refuses_with_code_3_and_writes_sarif(migration: Path, tmp_path: Path) -> None:
    read = "Declared to be read by billing-api of team billing in billing/stage."
    answer = {
        "passes": False,
        "findings": [finding(readers=read), finding(acknowledged="done", refuses=False)],
    }
    script = Script({"POST migrations/lint/": answer})
    target = tmp_path / "out.sarif"
    result = run(script, "schemas", "lint", str(migration), "--sarif", str(target))
    assert result.exit_code == 3
    assert f"{migration}:2:1: error: Dropping column" in result.stdout
    assert read in result.stdout
    assert script.body() == {"sql": RISKY, "server": 150000, "in_transaction": False}
    found = json.loads(target.read_text())["runs"][0]
    assert [one["ruleId"] for one in found["results"]] == ["ban-drop-column"] * 2
    assert found["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 2
    assert found["results"][1]["suppressions"][0]["justification"] == "done"


def test_the_command_says_json_and_0(migration: Path) -> None:
    script = Script({"POST migrations/lint/": {"passes": True, "findings": []}})
    result = run(script, "schemas", "lint", str(migration), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [{"file": str(migration), "passes": True, "findings": []}]


def test_the_command_reads_standard_input_and_names_bad_files(tmp_path: Path) -> None:
    script = Script({"POST migrations/lint/": {"passes": True, "findings": []}})
    assert run(script, "schemas", "lint", "-", typed="SELECT 1").exit_code == 0
    assert script.body()["sql"] == "SELECT 1"
    result = run(script, "schemas", "lint", str(tmp_path / "none.sql"))
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def declaration(state: str, **other: Any) -> dict[str, Any]:
    ended = None if state in {"queued", "reading"} else "2026-11-26T08:00:00Z"
    return {"id": 5, "state": state, "finished_at": ended, "version": 2, "is_new": True, **other}


def test_the_command_declares_and_waits(migration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.databases.cli.POLL_SECONDS", 0.0)
    told = [finding(), finding(acknowledged="done", refuses=False)]
    version = {"version": 2, "statements": 3, "skipped": [], "findings": told}
    script = Script(
        {
            "GET databases/": {"results": [{"id": 7, "name": "main"}], "next": None},
            "POST databases/7/versions/": declaration("queued"),
            "GET databases/7/declarations/5/": declaration("declared"),
            "GET databases/7/versions/2/": version,
        }
    )
    result = run(script, "schemas", "declare", "orders/main", str(migration), "--after", "1")
    assert result.exit_code == 0, result.output
    assert "version 2: 3 statements" in result.stdout
    assert result.stderr.count("closes the gate: line 2: Dropping column") == 1
    assert run(script, "schemas", "declare", "orders/none", str(migration)).exit_code == 4


def test_the_command_tells_what_was_refused(migration: Path) -> None:
    wrong = {"field": "line 2", "rule": "sql", "message": "syntax error", "fix": ""}
    problem = {"detail": "It cannot be read.", "fix": "Mend it.", "errors": [wrong]}
    script = Script(
        {
            "GET databases/": {"results": [{"id": 7, "name": "main"}], "next": None},
            "POST databases/7/versions/": declaration("refused", problem=problem),
        }
    )
    result = run(script, "schemas", "declare", "orders/main", str(migration))
    assert result.exit_code == 3
    assert f"{migration}: line 2: syntax error" in result.stderr
    assert "It cannot be read." in result.stderr


def test_the_command_says_what_a_program_reads() -> None:
    answer = {"tables": ["orders.note"], "expires_at": "2026-11-27T08:00:00Z"}
    script = Script(
        {
            "GET databases/": {"results": [{"id": 7, "name": "main"}], "next": None},
            "POST databases/7/readers/": answer,
        }
    )
    where = ("--environment", "billing/stage", "--holder", "billing-api")
    result = run(script, "schemas", "reads", "orders/main", "orders.note", *where)
    assert result.exit_code == 0, result.output
    assert "billing-api reads orders.note until" in result.stdout
    assert script.body()["tables"] == ["orders.note"]
    result = run(script, "env", "set-schemas", "billing/stage", "--reads", "orders:note")
    assert result.exit_code == 2


def test_the_page_shows_findings(people: Characters) -> None:
    client = signed_in(people.viewer)
    assert client.get("/databases/lint/").status_code == 200
    text = client.post("/databases/lint/", {"sql": RISKY, "database": "0"}).content.decode()
    assert "1 finding would refuse it" in text
    assert "ban-drop-column" in text
    assert client.post("/databases/lint/", {"sql": "\\d", "database": "0"}).status_code == 422
