"""`make conformance-ci`: forms that are read, misses that are named, and our own corpus."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.conformance import FormError, Outcome, main, run

CORPUS = Path(__file__).parent / "corpus"


def outcome(tmp_path: Path, **case: Any) -> Outcome:
    (tmp_path / "rules.yml").write_text(
        yaml.safe_dump({"cases": [{"name": "n", "reason": "r", **case}]})
    )
    return run(tmp_path)[0]


JOB = "job: {script: [x], variables: {A: a}}"


def test_our_corpus_agrees_and_has_many_cases() -> None:
    outcomes = run(CORPUS)
    assert [one for one in outcomes if one.misses] == []
    assert len(outcomes) >= 290
    assert len({one.name for one in outcomes}) == len(outcomes)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.yml")), ids=lambda path: path.stem)
def test_every_file_of_the_corpus_names_its_reference(path: Path) -> None:
    value = yaml.safe_load(path.read_text())
    assert value["reference"].startswith("https://docs.gitlab.com/ci/")
    assert all(case["reason"].endswith(".") for case in value["cases"])


@pytest.mark.parametrize(
    ("file", "expect", "miss"),
    [
        (JOB, {"jobs": ["job", "gone"]}, "['gone', 'job'] expected, ['job'] came"),
        (JOB, {"jobs": {"job": {"when": "manual"}}}, "when manual expected, on_success came"),
        (JOB, {"jobs": {"job": {"variables": {"A": "b"}}}}, "{'A': 'b'} expected, {'A': 'a'} came"),
        (JOB, {"state": "empty"}, "state empty expected, created came"),
        (JOB, {"error": "stage"}, "error stage expected, a plan came"),
        (JOB, {"warning": "not-run"}, "warning not-run expected, none came"),
        ("job: {}", {"error": "stage"}, "error stage expected, ['script'] came"),
        ("job: {}", {"jobs": ["job"]}, "refused: .gitlab-ci.yml:1"),
        (JOB, {}, "expects nothing"),
    ],
)
def test_a_miss_is_named(tmp_path: Path, file: str, expect: dict[str, Any], miss: str) -> None:
    assert miss in outcome(tmp_path, file=file, expect=expect).misses[0]


def test_a_case_without_its_reason_is_a_miss(tmp_path: Path) -> None:
    assert outcome(tmp_path, file=JOB, expect={"jobs": ["job"]}, reason="").misses


def test_cases_of_runs_are_run(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / ".gitlab-ci.yml").write_text("stages: test\n")
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / ".gitlab-ci.yml").write_text(
        "job: {script: [echo hello, touch made], artifacts: {paths: [made]}}"
    )
    cases = [
        {"name": "refused", "dir": "bad", "expect": {"exit_code": 1}},
        {
            "name": "runs",
            "dir": "good",
            "expect": {
                "exit_code": 0,
                "statuses": {"job": "success"},
                "output": {"job": ["hello"]},
                "files": {"made": True},
            },
        },
        {
            "name": "says something else",
            "dir": "good",
            "expect": {"exit_code": 1, "output": {"job": ["bye"]}, "files": {"made": False}},
        },
        {
            "name": "other job",
            "dir": "good",
            "expect": {"exit_code": 0, "statuses": {"b": "success"}},
        },
        {"name": "outside", "dir": "..", "file": "x.yml", "expect": {"exit_code": 0}},
        {"name": "should run", "dir": "bad", "expect": {"exit_code": 0}},
    ]
    (tmp_path / "index.json").write_text(json.dumps({"cases": cases}))
    found = {one.name: one.misses for one in run(tmp_path)}
    assert found["refused"] == ()
    assert found["runs"] == ()
    assert len(found["says something else"]) == 3
    assert found["other job"] == ("b: success expected, nothing came",)
    assert "no folder of the cases" in found["outside"][0]
    assert found["should run"][0].startswith("refused")


def test_it_ends_with_the_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcome(tmp_path, file=JOB, expect={"jobs": ["job"]})
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 passed, 0 failed\n"
    outcome(tmp_path, file=JOB, expect={"jobs": []})
    assert main([str(tmp_path)]) == 1
    out = capsys.readouterr().out.splitlines()
    assert (out[0], out[-1]) == ("MISS rules: n", "0 passed, 1 failed")


@pytest.mark.parametrize("text", ["- a", "cases: {}", "cases: [1]", "a: ["])
def test_files_of_another_form_are_named(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yml").write_text(text)
    assert main([str(tmp_path)]) == 2
    assert "a.yml" in capsys.readouterr().err


def test_an_empty_folder_and_an_unknown_fact_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormError, match="neither"):
        run(tmp_path)
    with pytest.raises(FormError, match="“brnch”"):
        outcome(tmp_path, file=JOB, expect={"jobs": ["job"]}, context={"brnch": "x"})
