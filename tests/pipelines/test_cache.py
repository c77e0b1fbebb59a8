"""Plans kept on disk: the same plan, found only where nothing of it has changed."""

from __future__ import annotations

import hashlib
import marshal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.conformance import context_of
from pipelines.engine import cache, config
from pipelines.engine.context import Context
from pipelines.engine.planned import Plan
from pipelines.engine.problems import ConfigError
from pipelines.engine.settings import Setting
from pipelines.engine.sources import MemorySources
from tests.pipelines.making import context, files

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yml"))
FILE = b"""
include: a.yml
job:
  script: [x, y]
  variables: {A: $CI_COMMIT_BRANCH, B: b}
  artifacts: {paths: [out], expire_in: 1 day, reports: {junit: j.xml}}
  cache: [{key: {files: [a.lock]}, paths: [c]}, {key: k, paths: [d]}]
  environment: {name: review/$B, on_stop: stop, auto_stop_in: 1 day}
  needs: [{job: first, artifacts: false}]
  rules: [{if: $NOPE}, {exists: [go.mod], variables: {C: c}}, {when: manual, allow_failure: true}]
  parallel: {matrix: [{M: [1, 2]}]}
stop:
  script: [x]
  environment: {name: review/$B, action: stop}
  rules: [{if: $NOPE}, {when: on_success}]
out: {script: [x], rules: [{if: $NOPE}]}
"""
INCLUDED = "first: {script: [x], stage: build}"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with each plan that is really made."""
    found: list[int] = []
    load = config.load

    def counted(*arguments: Any) -> config.Config:
        found.append(1)
        return load(*arguments)

    monkeypatch.setattr(config, "load", counted)
    return found


def here(**facts: Any) -> Context:
    return context(**{"files": files(a_yml=INCLUDED, other="x"), **facts})


def same(one: Plan, other: Plan) -> None:
    assert dict(one.jobs) == dict(other.jobs)
    assert list(one.jobs) == list(other.jobs)
    for name in ("state", "reason", "stages", "left_out", "name", "workflow", "auto_cancel"):
        assert getattr(one, name) == getattr(other, name), name


def test_the_second_time_it_is_read_and_is_the_same(tmp_path: Path, made: list[int]) -> None:
    first = cache.planned(FILE, here(), tmp_path)
    second = cache.planned(FILE, here(), tmp_path)
    assert len(made) == 1
    same(first, second)
    assert str(second.jobs["job: [1]"].decision.judged[0].where) == ".gitlab-ci.yml:10"
    assert "job: [1]" in second.jobs
    assert "gone" not in second.jobs


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_plan_of_the_corpus_comes_back_as_it_was(path: Path, tmp_path: Path) -> None:
    for number, case in enumerate(yaml.safe_load(path.read_text())["cases"]):
        facts, data = context_of(case), case["file"].encode()
        try:
            first = cache.planned(data, facts, tmp_path / str(number))
        except ConfigError:
            continue
        same(first, cache.planned(data, facts, tmp_path / str(number)))


@pytest.mark.parametrize(
    "facts",
    [
        {"branch": "other"},
        {"source": "schedule"},
        {"pipeline_variables": {"B": "given"}},
        {"changed": ("a",)},
        {"settings": (Setting("S", "s"),)},
        {"files": files(a_yml=INCLUDED + "\n")},
        {"files": files(a_yml=INCLUDED, go__mod="x")},
        {"files": files(a_yml=INCLUDED, **{"go.mod": "x"})},
    ],
)
def test_whatever_it_was_made_of_counts(
    tmp_path: Path, made: list[int], facts: dict[str, Any]
) -> None:
    cache.planned(FILE, here(), tmp_path)
    fresh = cache.planned(FILE, here(**facts), tmp_path)
    assert len(made) == 2
    same(fresh, cache.planned(FILE, here(**facts), None))


def test_another_file_or_engine_is_another_plan(
    tmp_path: Path, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.planned(FILE, here(), tmp_path)
    cache.planned(FILE + b"# more\n", here(), tmp_path)
    cache.planned(FILE, here(), tmp_path, "ci/other.yml")
    monkeypatch.setattr(cache, "engine_digest", lambda: "newer")
    cache.planned(FILE, here(), tmp_path)
    assert len(made) == 4


def test_files_that_no_rule_looks_for_do_not_matter(tmp_path: Path, made: list[int]) -> None:
    data = b"include: a.yml"
    cache.planned(data, here(), tmp_path)
    cache.planned(data, here(files=files(a_yml=INCLUDED, more="x")), tmp_path)
    assert len(made) == 1


def test_what_was_asked_elsewhere_or_is_masked_is_not_kept(tmp_path: Path, made: list[int]) -> None:
    sources = MemorySources(remotes={"https://example.test/a.yml": b"job: {script: [x]}"})
    for _ in range(2):
        cache.planned(b"include: 'https://example.test/a.yml'", here(sources=sources), tmp_path)
        cache.planned(FILE, here(settings=(Setting("K", "secret", masked=True),)), tmp_path)
    assert len(made) == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other", "form", "large"])
def test_a_damaged_entry_is_as_if_it_were_not_there(
    tmp_path: Path, made: list[int], damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.planned(FILE, here(), tmp_path)
    entry = next(tmp_path.iterdir())
    raw = entry.read_bytes()
    body = marshal.dumps([1, 2])
    bytes_ = {
        "cut": raw[:-5],
        "flipped": raw[:-1] + bytes([raw[-1] ^ 1]),
        "empty": b"",
        "other": cache.FORMAT + hashlib.sha256(body).digest() + body,
        "form": b"x" + raw,
        "large": raw,
    }[damage]
    if damage == "large":
        monkeypatch.setattr(cache, "MAX_BYTES", 10)
    entry.write_bytes(bytes_)
    assert "job: [1]" in cache.planned(FILE, here(), tmp_path).jobs
    assert len(made) == 2


STARTS = """
import sys
from pathlib import Path
from pipelines.engine import cache
from pipelines.engine.context import Context
plan = cache.planned(b"job: {script: [x], rules: [{if: $CI}]}", Context(), Path(sys.argv[1]))
assert plan.jobs["job"].script == ("x",)
print(*sorted({"yaml", "re2", "jsonschema_rs", "django", "difflib"} & sys.modules.keys()))
"""


def test_a_plan_that_is_kept_is_read_without_what_reads_files(tmp_path: Path) -> None:
    loaded = [
        subprocess.run(
            [sys.executable, "-c", STARTS, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.split()
        for _ in range(2)
    ]
    assert "yaml" in loaded[0]
    assert set(loaded[1]) <= {"re2", "difflib"}


def test_a_folder_that_cannot_be_used_is_no_error(tmp_path: Path, made: list[int]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    for _ in range(2):
        assert cache.planned(FILE, here(), blocked / "plans").jobs
    assert len(made) == 2


def test_a_file_that_makes_no_plan_is_told_each_time(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ConfigError):
            cache.planned(b"job: {}", here(), tmp_path)


def test_only_the_newest_entries_stay_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    for number in range(cache.MAX_ENTRIES + 5):
        cache.planned(f"job: {{script: [x{number}]}}".encode(), here(), folder)
    entries = list(folder.iterdir())
    assert len(entries) == cache.MAX_ENTRIES
    assert folder.stat().st_mode & 0o077 == 0
    assert all(one.stat().st_mode & 0o077 == 0 for one in entries)
