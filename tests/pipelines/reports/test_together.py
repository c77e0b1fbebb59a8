"""What many commits' reports say at once is what each says alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.reports import arrivals, facts, together
from pipelines.reports.models import Report
from pipelines.reports.red import red
from pipelines.runs.models import Pipeline
from pipelines.runs.services import telling
from tests.pipelines.reports.making import MAIN, NEXT, diff, junit, lcov, sarif
from tests.pipelines.runs.factories import make_pipeline
from tests.rbac.factories import Characters

Send = Callable[..., Report]


@pytest.mark.parametrize("commits", [1, 7])
def test_the_bulk_says_what_one_commit_says(people: Characters, send: Send, commits: int) -> None:
    """Reports of many commits at once, on the target branch and beside it, in as many queries."""
    hashes = [f"{number:x}" * 40 for number in range(1, commits + 1)]
    for number, sha in enumerate(hashes):
        ref = "main" if number % 2 else "fix"
        bad = "failed" if number % 3 else "flaky"
        send(junit(a="passed", b=bad, c="failed"), sha, ref=ref, target="main")
        send(junit(c="passed"), sha, ref=ref, target="main")
        send(lcov("src/a.py", l1=1, l2=number % 2), sha, ref=ref, target="main")
        send(diff("src/a.py", 1, 3), sha, ref=ref, target="main")
        send(sarif("a", f"r{number}"), sha, ref=ref, target="main")
    keys = {(people.project.pk, sha) for sha in hashes}
    reports = together.reports_of(keys)
    tests, coverage = together.tests_of(reports), together.coverage_of(reports)
    changed, new = together.changed_of(reports), together.findings_of(reports, compared=True)
    for sha in hashes:
        one, key = facts.facts_of(people.project, sha), (people.project.pk, sha)
        assert tests[key] == one.tests
        assert one.coverage is not None
        assert coverage[key] == one.coverage.percent
        assert one.changed is not None
        assert changed[key] == one.changed.percent
        assert new[key] == one.findings


def test_a_commit_that_nobody_reported_of_lacks(people: Characters) -> None:
    reports = together.reports_of({(people.project.pk, MAIN)})
    assert reports == {}
    assert together.tests_of(reports) == together.compatible_of(reports) == {}


def test_who_wants_to_know_is_told_once_it_is_committed(
    people: Characters,
    send: Send,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    told: list[object] = []

    def broken(_: object) -> None:
        raise RuntimeError

    for module in (arrivals, telling):
        monkeypatch.setattr(module, "_listeners", [broken, told.append])
    with django_capture_on_commit_callbacks(execute=True):
        report = send(junit(a="passed"))
        assert told == []
    assert send(junit(a="passed")) == report
    running = make_pipeline(people.project, status=Pipeline.Status.RUNNING)
    ended = make_pipeline(people.project)
    with django_capture_on_commit_callbacks(execute=True):
        for row in (running, ended):
            telling.tell(row)
    assert told == [report, ended]


class TestRed:
    """What pages show that look often."""

    def test_it_says_what_the_whole_comparison_says(self, people: Characters, send: Send) -> None:
        send(junit(a="passed", b="failed"))
        send(junit(a="failed", b="failed", c="failed", d="passed"), NEXT, name="one", job="unit")
        send(junit(c="passed"), NEXT, name="one", job="unit")  # ran again, alone
        send(junit(d="failed"), NEXT, name="two", job="slow")
        found, whole = red(people.project, NEXT), facts.compare(people.project, NEXT)
        assert (list(found.new), list(found.known)) == (whole.new_failures, whole.known_failures)
        assert {one.case.name for one in found.new} == {"a", "d"}
        assert (found.new_total, found.known_total, found.total) == (2, 1, 3)
        assert [one.case.name for one in red(people.project, NEXT, "slow").new] == ["d"]

    def test_what_is_green_costs_one_query(
        self, people: Characters, send: Send, django_assert_num_queries: Any
    ) -> None:
        send(junit(a="passed"))
        with django_assert_num_queries(1):
            found = red(people.project, MAIN)
        assert (found.reported, found.total) == (True, 0)
        assert not red(people.project, MAIN, "another").reported
