"""`slipway ci split`: which parts a node gets, by the server's word or by size."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from idp.cli.config import Config
from tests.support.console import Script, problem, run

PATH = "POST projects/orders/tests/split/"
BEGAN = "2026-11-27T20:00:00+00:00"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("CI_")]:
        monkeypatch.delenv(name)
    for at in range(9):
        file = tmp_path / "tests" / f"part{at % 2}" / f"test_{at}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x" * at * 100)
    (tmp_path / "tests" / ".venv").mkdir()
    (tmp_path / "tests" / ".venv" / "test_hidden.py").write_text("x")


def node(monkeypatch: pytest.MonkeyPatch, index: object, total: object) -> None:
    monkeypatch.setenv("CI_NODE_INDEX", str(index))
    monkeypatch.setenv("CI_NODE_TOTAL", str(total))


def in_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI_JOB_TOKEN", "slj_1_x")
    monkeypatch.setenv("CI_PROJECT_PATH", "orders")
    monkeypatch.setenv("CI_PIPELINE_CREATED_AT", BEGAN)


def split(script: Script, *words: str, typed: str | None = None) -> Result:
    return run(script, "ci", "split", *words, config=Config("https://slipway.test"), typed=typed)


ALL = sorted(f"tests/part{at % 2}/test_{at}.py" for at in range(9))


@pytest.mark.parametrize("total", [1, 2, 3, 7, 12])
def test_without_a_token_each_file_is_on_one_node(
    monkeypatch: pytest.MonkeyPatch, total: int
) -> None:
    found: list[str] = []
    for index in range(1, total + 1):
        node(monkeypatch, index, total)
        first, again = (split(Script(), "tests/**/test_*.py") for _ in range(2))
        assert first.exit_code == 0, first.stderr
        assert first.stdout == again.stdout
        assert f"Node {index} of {total}" in first.stderr
        assert "by size" in first.stderr
        found += first.stdout.splitlines()
    assert sorted(found) == ALL


def test_sizes_are_even(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    for index in (1, 2):
        node(monkeypatch, index, 2)
        files = split(Script(), "tests/**/test_*.py").stdout.splitlines()
        sizes.append(sum(Path(file).stat().st_size for file in files))
    assert sizes == [1800, 1800]


def test_a_job_asks_by_what_was_known_when_its_pipeline_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node(monkeypatch, 2, 3)
    in_job(monkeypatch)
    script = Script({PATH: {"parts": ALL[:2], "seconds": 3.0, "known": 7}})
    done = split(script, "tests/**/test_*.py", "tests/part1/test_1.py")
    assert done.stdout.splitlines() == ALL[:2]
    assert "2 of 9 parts, by past durations, 7 of 9 known" in done.stderr
    assert script.body() == {"parts": ALL}
    asked = dict(script.calls[0].url.params)
    assert asked == {"index": "2", "total": "3", "before": BEGAN}


@pytest.mark.parametrize(
    "answer",
    [
        problem(503, "unavailable", "Come back later."),
        {"parts": ["tests/other.py"], "seconds": 1.0, "known": 0},
    ],
)
def test_a_server_that_gives_no_split_fails_the_job(
    monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    node(monkeypatch, 1, 2)
    in_job(monkeypatch)
    done = split(Script({PATH: deque([answer])}), "tests/**/test_*.py")
    assert done.exit_code != 0
    assert done.stdout == ""


def test_names_are_read_and_json_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    node(monkeypatch, 1, 2)
    assert split(Script(), "-", typed="./a\n./b\n\n./c\n").stdout == "./a\n./c\n"
    assert split(Script(), "-", "--json", typed="./a\n").stdout == '[\n  "./a"\n]\n'


@pytest.mark.parametrize(
    ("index", "total", "said"),
    [
        (3, 2, "The index goes from 1"),
        ("", 2, "The index goes from 1"),
        (1, 999, "The index goes from 1"),
        ("one", 2, "CI_NODE_INDEX is “one”"),
    ],
)
def test_a_node_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, index: object, total: object, said: str
) -> None:
    node(monkeypatch, index, total)
    done = split(Script(), "tests/**/test_*.py")
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("/etc/*", "leaves this folder"), ("../**", "leaves this folder"), ("*.go", "No file fits")],
)
def test_a_pattern_that_finds_nothing_of_this_folder_is_told(pattern: str, said: str) -> None:
    done = split(Script(), pattern)
    assert done.exit_code != 0
    assert said in done.stderr


def test_a_name_that_is_no_line_is_refused() -> None:
    Path("tests/test_\n.py").write_text("x")
    done = split(Script(), "tests/test_*.py")
    assert done.exit_code == 1
    assert "cannot be named in a line" in done.stderr
