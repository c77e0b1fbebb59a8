"""What a fork's jobs report is shown where it ran, and counts for nothing of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from idp.common.errors import NotVisible
from pipelines.executors.files import ServerFiles
from pipelines.reports import models, selectors, shares, together, trends
from pipelines.reports.facts import compare
from pipelines.reports.models import Report
from pipelines.reports.red import red
from pipelines.reports.selectors import Filters
from pipelines.runs import claiming
from pipelines.runs.models import Pipeline
from rbac.actors import Actor
from tests.pipelines.evidence.making import case, read
from tests.pipelines.reports.making import BRANCH, MAIN, diff, junit, lcov, sarif
from tests.pipelines.runs.conftest import World, _places, world
from tests.rbac.factories import Characters

__all__ = ["_places", "world"]
Send = Callable[..., Report]


@pytest.fixture
def fork(send: Send) -> Send:
    """Hands in as a job of a fork whose branch is called as the target."""

    def sent(text: str, commit: str = BRANCH, **more: str) -> Report:
        return send(text, commit, "main", foreign=True, **more)

    return sent


def test_it_is_no_history(send: Send, fork: Send, people: Characters) -> None:
    send(junit(a="passed", b="passed"), MAIN)
    before = list(models.TestCase.objects.order_by("name").values())
    row = fork(junit(a="failed", b="flaky", c="failed"))
    assert not row.on_target
    after = list(models.TestCase.objects.filter(foreign=False).order_by("name").values())
    assert after == before
    dana = Actor(people.developer)
    assert [one.name for one in selectors.tests(dana, Filters()).order_by("name")] == ["a", "b"]
    case_a = models.TestCase.objects.get(name="a")
    assert [one.outcome for one in selectors.history(case_a).results] == ["passed"]
    assert [one.commit for one in selectors.commits(dana)] == [MAIN]


def test_the_project_takes_a_test_over_that_forks_had_first(send: Send, fork: Send) -> None:
    fork(junit(c="failed"))
    one = models.TestCase.objects.get()
    assert (one.foreign, one.runs, one.failing_since) == (True, 0, None)
    send(junit(c="passed"), MAIN)
    one.refresh_from_db()
    assert (one.foreign, one.runs, one.outcome, one.flaky_at) == (False, 1, "passed", None)
    assert one.first_seen == Report.own.get().created_at


def test_the_same_report_of_the_project_itself_comes_in(send: Send, fork: Send) -> None:
    fork(junit(a="passed"))
    assert send(junit(a="passed"), BRANCH, "main").foreign is False
    assert Report.objects.count() == 2


def test_no_gate_counts_it(send: Send, fork: Send, people: Characters) -> None:
    fork(junit(a="passed"))
    fork(lcov("src/a.py", l2=1))
    fork(sarif())
    of = case(people.project, BRANCH)
    assert together.reports_of({(people.project.pk, BRANCH)}) == {}
    for name in ("tests.failed", "coverage.line", "findings.total"):
        assert "came in." in read(of, name)
    send(junit(a="failed"), BRANCH, ref="fix")
    assert read(of, "tests.failed") == 1


def test_nothing_is_compared_with_it(send: Send, fork: Send, people: Characters) -> None:
    fork(sarif("old", "bad"), MAIN)
    fork(lcov("src/a.py", l2=1), MAIN)
    send(sarif("bad"), BRANCH, ref="fix")
    send(lcov("src/a.py", l2=0), BRANCH, ref="fix")
    found = compare(people.project, BRANCH).facts
    assert found.findings is not None
    assert found.findings.new is None
    assert found.coverage is not None
    assert found.coverage.target_percent is None
    assert trends.trends(Actor(people.developer)) == []
    fork(junit(a="passed"), MAIN)
    assert shares.durations(people.project) == {}


def test_its_own_pipeline_and_commit_show_it(send: Send, fork: Send, people: Characters) -> None:
    send(junit(a="passed"), MAIN)
    send(diff("src/a.py", 2, 1), BRANCH, ref="main", target="main")
    fork(junit(a="failed"))
    fork(lcov("src/a.py", l2=1))
    dana = Actor(people.developer)
    found = selectors.comparison(dana, people.project, BRANCH)
    assert [one.case.name for one in found.new_failures] == ["a"]
    assert found.facts.changed is not None
    assert found.facts.changed.percent == 100.0
    assert red(people.project, BRANCH, foreign=True).new_total == 1
    assert red(people.project, BRANCH).total == 0
    send(junit(a="passed"), BRANCH, ref="fix")
    assert not selectors.comparison(dana, people.project, BRANCH).new_failures
    with pytest.raises(NotVisible):
        selectors.comparison(Actor(people.stranger), people.project, BRANCH)


def handed_in(world: World, folder: Path, **facts: object) -> Report:
    """What a job of such a pipeline hands in."""
    (folder / "x.xml").write_text(junit(a="passed"))
    pipeline = world.start("unit: {script: [echo], artifacts: {reports: {junit: x.xml}}}")
    Pipeline.objects.filter(pk=pipeline.pk).update(**facts)
    (taken,) = claiming.take(1)
    files = ServerFiles.__new__(ServerFiles)
    files._attempt, files._work = taken.attempt, world.job(pipeline, "unit")  # type: ignore[assignment]
    assert list(files.read("junit", folder, ["x.xml"], "")) == []
    return Report.objects.latest("pk")


def test_a_job_of_a_fork_hands_in_foreign_ones(world: World, tmp_path: Path) -> None:
    assert handed_in(world, tmp_path, foreign=True).foreign
    row = handed_in(world, tmp_path)
    assert (row.foreign, row.on_target) == (False, True)


def test_a_tag_that_is_called_as_the_default_branch(world: World, tmp_path: Path) -> None:
    row = handed_in(world, tmp_path, is_tag=True)
    assert (row.ref, row.on_target) == ("tags/main", False)
