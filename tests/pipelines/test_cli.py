"""`slipway ci …` in a real checkout; no server is asked."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from idp.cli.config import Config
from tests.support.console import Result, Script, run

FILE = """
stages: [build, test]
build: {stage: build, script: [make]}
test:
  script: [x]
  needs: [build]
  rules:
    - if: $DEEP
      variables: {HOW: deep}
    - changes: ['src/**/*']
      when: manual
"""


def git(*words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True, timeout=20)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / ".gitlab-ci.yml").write_text(FILE)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    git("add", "-A")
    git("commit", "-qm", "First")
    return tmp_path


def ci(*words: str, typed: str | None = None) -> Result:
    script = Script()
    result = run(script, *words, config=Config("", ""), typed=typed)
    assert script.calls == []
    return result


def commit(checkout: Path, path: str, message: str = "More") -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    (checkout / path).write_text("x")
    git("add", "-A")
    git("commit", "-qm", message)


def test_lint_says_what_is_wrong_and_ends_with_1(checkout: Path) -> None:
    assert ci("ci", "lint").exit_code == 0
    (checkout / ".gitlab-ci.yml").write_text("job:\n  scirpt: [x]\n")
    result = ci("ci", "lint")
    assert result.exit_code == 1
    assert ".gitlab-ci.yml:2: error [unknown-key]" in result.output
    assert "Did you mean “script”?" in result.output


def test_lint_of_another_file_as_json(checkout: Path) -> None:
    (checkout / "ci").mkdir()
    (checkout / "ci" / "other.yml").write_text("job: {script: [x], retry: 7}\n")
    result = ci("--json", "ci", "lint", "ci/other.yml")
    answer = json.loads(result.stdout)
    assert (answer["valid"], answer["state"]) == (False, None)
    assert answer["problems"][0]["file"] == "ci/other.yml"
    assert result.exit_code == 1


def test_a_file_that_is_not_there_ends_with_4(checkout: Path) -> None:
    assert ci("ci", "lint", "gone.yml").exit_code == 4


def test_explain_names_the_rule_the_value_and_the_line(checkout: Path) -> None:
    commit(checkout, "docs/a.md")
    out = ci("ci", "explain", "test").stdout
    assert "test is out: none of its 2 rules holds" in out
    assert "$DEEP is not set" in out
    assert "no such file changed" in out
    commit(checkout, "src/a.py")
    out = ci("ci", "explain", "test").stdout
    assert "test is in: rule 2 (.gitlab-ci.yml:10)" in out
    assert "src/a.py changed" in out
    assert "waits for build" in out


def test_a_given_variable_decides(checkout: Path) -> None:
    found = json.loads(ci("--json", "ci", "explain", "test", "--var", "DEEP=1").stdout)[0]
    assert found["in"] is True
    assert found["variables"]["HOW"] == {"value": "deep", "where": ".gitlab-ci.yml:9"}
    assert found["variables"]["DEEP"]["where"] == "pipeline"
    assert ci("ci", "explain", "test", "--var", "DEEP").exit_code == 2


def test_an_unknown_job_ends_with_4_and_the_nearest(checkout: Path) -> None:
    result = ci("ci", "explain", "tset")
    assert result.exit_code == 4
    assert "“test”" in result.output


def test_graph_shows_stages_and_what_waits_for_what(checkout: Path) -> None:
    assert ci("ci", "graph").stdout.splitlines() == [
        "build",
        "  build",
        "test",
        "  test (manual) ← build",
    ]
    answer = json.loads(ci("--json", "ci", "graph", "--branch", "x", "--source", "schedule").stdout)
    assert [job["name"] for job in answer["jobs"]] == ["build", "test"]
    assert answer["state"] == "created"


def test_graph_as_for_a_merge_request_and_a_tag(checkout: Path) -> None:
    request = ci("ci", "graph", "--merge-request")
    assert request.exit_code == 1
    assert "“test” needs “build”, which is not in this pipeline" in request.output
    assert "build" in ci("ci", "graph", "--tag", "v1").stdout


def test_a_file_that_makes_no_plan_is_told_line_by_line(checkout: Path) -> None:
    (checkout / ".gitlab-ci.yml").write_text("a: {script: [x], needs: [b]}\n")
    result = ci("ci", "graph")
    assert result.exit_code == 1
    assert ".gitlab-ci.yml:1: error [needs-unknown]" in result.output


def test_ignored_files_do_not_exist_for_rules_and_links_do_not_lead_out(checkout: Path) -> None:
    (checkout / "ignored").mkdir()
    (checkout / "ignored" / "a.txt").write_text("x")
    text = "a: {script: [x]}\nb: {script: [x], rules: [{exists: ['ignored/*']}]}\n"
    (checkout / ".gitlab-ci.yml").write_text(text)
    assert "b" in json.loads(ci("--json", "ci", "graph").stdout)["out"]
    outside = checkout.parent / "outside.yml"
    outside.write_text("c: {script: [x]}\n")
    (checkout / "link.yml").symlink_to(outside)
    (checkout / ".gitlab-ci.yml").write_text("include: link.yml\n")
    result = ci("ci", "lint")
    assert "include-missing" in result.output


def test_a_folder_without_git_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".gitlab-ci.yml").write_text("include: a.yml\n")
    (tmp_path / "a.yml").write_text("job: {script: [x], rules: [{changes: [zzz]}]}\n")
    assert "job" in ci("ci", "graph").stdout


def test_a_repositorys_monitor_program_is_not_run(checkout: Path) -> None:
    program = checkout / "evil"
    program.write_text(f"#!/bin/sh\ntouch {checkout}/ran\n")
    program.chmod(0o755)
    git("config", "core.fsmonitor", str(program))
    assert ci("ci", "lint").exit_code == 0
    assert not (checkout / "ran").exists()


def test_a_file_without_an_end_is_read_in_part_and_refused() -> None:
    result = ci("ci", "lint", "/dev/zero")
    assert result.exit_code == 1
    assert "2,000,000 are the most" in result.output


class TestRun:
    def test_runs_the_pipeline_and_brings_artifacts_back(self, checkout: Path) -> None:
        (checkout / ".gitlab-ci.yml").write_text(
            "make: {script: [git log -1 --format=%s, echo 1 > made], artifacts: {paths: [made]}}"
        )
        result = ci("ci", "run")
        assert result.exit_code == 0, result.output
        assert "make | First" in result.output
        assert "pipeline success" in result.output
        assert (checkout / "made").read_text() == "1\n"

    def test_a_failure_is_exit_code_1_and_json_says_all(self, checkout: Path) -> None:
        (checkout / ".gitlab-ci.yml").write_text("a: {script: exit 7}\nb: {script: echo}")
        result = ci("--json", "ci", "run")
        assert result.exit_code == 1
        found = json.loads(result.stdout)
        assert found["status"] == "failed"
        assert [(one["name"], one["exit_code"]) for one in found["jobs"]] == [("a", 7), ("b", 0)]

    def test_a_name_that_is_not_there(self, checkout: Path) -> None:
        result = ci("ci", "run", "biuld")
        assert result.exit_code == 4
        assert "build" in result.stderr

    def test_variables_beside_the_checkout(self, checkout: Path) -> None:
        (checkout / ".gitlab-ci.yml").write_text("a: {script: echo $ONE $TWO $THREE}")
        (checkout / ".gitlab-ci-local-variables.yml").write_text(
            "ONE: 1\nTWO: {values: {'*': two}}\nTHREE: {values: {'prod': three}}\n"
        )
        assert "a | 1 two\n" in ci("ci", "run").output


def test_a_run_says_what_is_not_run_also_of_a_kept_plan(checkout: Path) -> None:
    (checkout / ".gitlab-ci.yml").write_text("a: {script: [x], when: manual, services: [b]}\n")
    for _ in range(2):
        assert ".gitlab-ci.yml:1: warning [not-run] “services” of “a”" in ci("ci", "run").output
    assert "not-run" not in ci("ci", "run", "--quiet").output


def test_a_manual_job_that_is_started_asks_its_question_first(checkout: Path) -> None:
    (checkout / ".gitlab-ci.yml").write_text(
        "a: {script: [echo went], when: manual, manual_confirmation: 'Ship $CI_JOB_NAME?'}\n"
    )
    assert "Ship" not in ci("ci", "run").output
    for words in (("a",), ("--manual", "a")):
        refused = ci("ci", "run", *words, typed="n\n")
        assert (refused.exit_code, "a | went" in refused.output) == (1, False)
        assert "a: Ship a?" in refused.output
        assert "a | went" in ci("ci", "run", *words, typed="y\n").output
    assert "a | went" in ci("ci", "run", "a", "--yes").output


def test_another_ref_of_the_checkout_may_be_compared_with(checkout: Path) -> None:
    git("switch", "-qc", "work")
    commit(checkout, "src/a.py")
    commit(checkout, "docs/a.md")
    (checkout / ".gitlab-ci.yml").write_text(
        "a: {script: [x], rules: [{changes: {paths: ['src/*'], compare_to: main}}]}\n"
        "b: {script: [x], rules: [{changes: {paths: ['lib/*'], compare_to: main}}]}\n"
    )
    answer = json.loads(ci("--json", "ci", "graph").stdout)
    assert [job["name"] for job in answer["jobs"]] == ["a"]
    (checkout / ".gitlab-ci.yml").write_text(
        "a: {script: [x], rules: [{changes: {paths: [a], compare_to: '--output=x'}}]}\n"
    )
    assert "has no such ref" in ci("ci", "graph").output
    assert not (checkout / "x").exists()
