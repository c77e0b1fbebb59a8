"""`slipway schemas export` and `import` against a scripted server."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.transfer import cli
from tests.support.console import Script, problem, run

LIST, ONE = "POST schemas/imports/", "GET schemas/imports/7/"
COUNTS = {"sentence": "2 subjects, 3 versions; 1 id collides (4).", "outcomes": {"ready": 3}}


def told(state: str, **outcomes: int) -> dict[str, Any]:
    counts = {**COUNTS, "outcomes": outcomes}
    return {"id": 7, "state": state, "reason": "", "fix": "", "counts": counts}


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "PAUSE_SECONDS", 0)


def test_an_export_is_written_as_it_comes(tmp_path: Path) -> None:
    script = Script({"GET schemas/export/": httpx.Response(200, content=b"PK archive")})
    file = tmp_path / "out.zip"
    done = run(script, "schemas", "export", str(file), "--project", "orders", "--deleted")
    assert done.exit_code == 0, done.output
    assert file.read_bytes() == b"PK archive"
    assert dict(script.calls[0].url.params) == {"project": "orders", "with_deleted": "true"}
    assert "10 bytes" in done.output
    again = run(script, "schemas", "export", str(file))
    assert again.exit_code == 2
    assert "File exists" in again.output


def test_an_export_that_is_refused_leaves_no_file(tmp_path: Path) -> None:
    script = Script({"GET schemas/export/": problem(403, "forbidden", "Not yours.")})
    done = run(script, "schemas", "export", str(tmp_path / "out.zip"))
    assert done.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_an_import_is_only_looked_through_unless_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLIPWAY_IMPORT_SECRET", "sesame")
    states = deque([told("reading"), told("ready", ready=3)])
    script = Script({LIST: told("reading"), ONE: states})
    words = ("--project", "orders", "--rule", "pay-=payments", "--user", "u", "--into", ".old")
    done = run(script, "schemas", "import", "https://r.example.org", *words)
    assert done.exit_code == 0, done.output
    assert script.body(0) == {
        "registry": "https://r.example.org",
        "user_name": "u",
        "secret": "sesame",
        "project": "orders",
        "prefix": "",
        "into": ".old",
        "deleted": False,
        "with_settings": True,
        "rules": [{"prefix": "pay-", "project": "payments"}],
    }
    assert "Import 7 is ready: 2 subjects, 3 versions; 1 id collides (4)." in done.output
    assert script.said("POST") == ["schemas/imports/"]
    assert "sesame" not in done.output


def test_a_confirmed_import_is_brought_in(tmp_path: Path) -> None:
    file = tmp_path / "in.zip"
    file.write_bytes(b"PK")
    answers = {
        "POST schemas/imports/archive/": told("reading"),
        ONE: deque([told("ready", ready=3), told("importing"), told("done", taken=3)]),
        "POST schemas/imports/7/": told("importing"),
    }
    script = Script(answers)
    done = run(script, "schemas", "import", str(file), "--project", "orders", "--confirm")
    assert done.exit_code == 0, done.output
    assert script.calls[0].content == b"PK"
    assert script.calls[0].headers["Content-Type"] == "application/zip"
    assert script.calls[0].url.params["name"] == "in.zip"
    assert "Import 7 is done" in done.output


def test_what_is_refused_is_named_and_nothing_is_confirmed() -> None:
    row = {"source": "orders\x1b[31m", "version": 2, "reason": "Id 4: it belongs to another."}
    script = Script(
        {
            LIST: told("reading"),
            ONE: told("ready", ready=2, refused=1),
            "GET schemas/imports/7/versions/": {"results": [row], "next": None},
        }
    )
    words = ("--project", "orders", "--confirm")
    done = run(script, "schemas", "import", "http://r.example.org", *words)
    assert done.exit_code == 3
    assert "version 2: Id 4" in done.output
    assert "\x1b" not in done.output
    assert script.said("POST") == ["schemas/imports/"]


def test_an_import_that_failed_says_why() -> None:
    failed = {**told("failed"), "reason": "It does not let Slipway in.", "fix": "Check it."}
    script = Script({LIST: told("reading"), ONE: failed})
    done = run(script, "schemas", "import", "http://r.example.org", "--project", "orders")
    assert done.exit_code == 1
    assert "It does not let Slipway in." in done.output
    as_json = run(script, "--json", "schemas", "import", "http://r", "--project", "orders")
    assert json.loads(as_json.stdout)["state"] == "failed"


@pytest.mark.parametrize(
    "words", [("absent.zip",), ("http://r", "--rule", "pay"), ("http://r", "--rule", "=pay")]
)
def test_wrong_words_end_it_before_anything_is_sent(words: tuple[str, ...]) -> None:
    script = Script()
    done = run(script, "schemas", "import", *words, "--project", "orders")
    assert done.exit_code == 2
    assert script.calls == []
