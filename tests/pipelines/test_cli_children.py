"""Trigger jobs in the terminal: children are run, linted and drawn, other projects are named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.pipelines.test_cli import ci, git

FILE = """
stages: [build, test, deploy]
gen:
  stage: build
  script:
    - mkdir -p out
    - >-
      printf 'made: {script: [echo of $WHO > made.txt], artifacts: {paths: [made.txt]}}'
      > out/made.yml
  artifacts: {paths: [out]}
go: {trigger: {include: child.yml, strategy: depend}, variables: {WHO: parent}}
dynamic:
  trigger: {include: [{artifact: out/made.yml, job: gen}], strategy: depend}
  variables: {WHO: x}
away: {trigger: {project: group/other, branch: main}}
last: {stage: deploy, script: [echo last]}
"""
CHILD = """
one: {script: ['echo "child of $WHO by $CI_PIPELINE_SOURCE"']}
deeper: {trigger: {include: grandchild.yml, strategy: depend}}
"""
GRANDCHILD = "two: {script: [echo grandchild]}\n"


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / ".gitlab-ci.yml").write_text(FILE)
    (tmp_path / "child.yml").write_text(CHILD)
    (tmp_path / "grandchild.yml").write_text(GRANDCHILD)
    git("add", "-A")
    git("commit", "-qm", "First")
    return tmp_path


def test_children_run_inside_of_their_job(checkout: Path) -> None:
    done = ci("ci", "run")
    assert done.exit_code == 0, done.output
    assert "child of parent by parent_pipeline" in done.output
    assert "go/deeper/two" in done.output
    assert (checkout / "made.txt").read_text() == "of x\n"
    assert "away: a pipeline of group/other for main is not started from here" in done.output
    rows = json.loads(ci("--json", "ci", "run").stdout)
    by_name = {row["name"]: row for row in rows["jobs"]}
    assert by_name["go"]["child"] == "success"
    assert by_name["away"]["child"] is None


def test_a_child_that_fails_fails_the_job_that_waits_for_it(checkout: Path) -> None:
    (checkout / "grandchild.yml").write_text("two: {script: [exit 3]}\n")
    done = ci("ci", "run", "go")
    assert done.exit_code == 1
    assert "its child pipeline: failed" in done.output
    (checkout / "child.yml").write_text("one: {script: [x], rules: [{if: $NEVER}]}\n")
    done = ci("ci", "run", "go")
    assert done.exit_code == 1
    assert "no job of a child pipeline of child.yml is in" in done.output


def test_a_child_that_nobody_waits_for_fails_alone(checkout: Path) -> None:
    (checkout / ".gitlab-ci.yml").write_text("go: {trigger: {include: grandchild.yml}}\n")
    (checkout / "grandchild.yml").write_text("two: {script: [exit 3]}\n")
    done = ci("ci", "run")
    assert done.exit_code == 0
    assert "go/two: failed" in done.output


def test_graph_and_explain_know_the_children(checkout: Path) -> None:
    drawn = ci("ci", "graph").output
    assert "→ a child pipeline of child.yml" in drawn
    assert "two" in drawn
    assert "→ a pipeline of group/other for main" in drawn
    assert "→ a child pipeline of out/made.yml of gen" in drawn
    told = ci("ci", "explain", "go").output
    assert "starts a child pipeline of child.yml, and takes its end over" in told
    found = json.loads(ci("--json", "ci", "explain", "away").output)
    assert found[0]["triggers"] == "a pipeline of group/other for main"


def test_lint_plans_the_children(checkout: Path) -> None:
    assert "not made" not in ci("ci", "lint").output
    (checkout / "grandchild.yml").write_text("two: {scrip: [x]}\n")
    done = ci("ci", "lint")
    assert done.exit_code == 0
    assert "The child of “deeper” is not made: grandchild.yml:1" in done.output
    (checkout / "grandchild.yml").write_text("again: {trigger: {include: grandchild.yml}}\n")
    assert "Children go 2 levels down; “again” is one too deep" in ci("ci", "lint").output
