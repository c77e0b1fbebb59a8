"""The tests that are red at a commit, for pages that look often: only what is red is read.

It judges as `facts.compare`, which reads every result of the commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.reports.casebook import BAD
from pipelines.reports.facts import (
    MAX_REPORTS,
    Failure,
    Tests,
    Verdict,
    cases_by_id,
    quarantined_of,
    told_of,
)
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import MAX_JOB, TestResult
from rbac.models import Project


@dataclass(frozen=True)
class Red:
    """Red tests, those first that the target branch does not have; `reported`: anything at all."""

    reported: bool = False
    new: Sequence[Failure] = ()
    known: Sequence[Failure] = ()
    new_total: int = 0
    known_total: int = 0

    @property
    def total(self) -> int:
        return self.new_total + self.known_total


def red(project: Project, commit: str, job: str = "", *, foreign: bool = False) -> Red:
    """What is red at a commit by its reports, or by those that one job handed in.

    `foreign`: by those of a fork's jobs, which count for nothing else.

    One query where no report names a failure, six where one does.
    """
    named = {"job": job[:MAX_JOB]} if job else {}
    rows = told_of(project, commit, foreign=foreign).filter(**named).defer("payload")
    every = list(rows.order_by("-id")[:MAX_REPORTS])[::-1]
    reports = {one.pk: one for one in every if one.kind == Kind.JUNIT}
    if not any(one.summary.get("failed") for one in reports.values()):
        return Red(reported=bool(every))
    results = TestResult.objects.filter(report__in=reports)
    bad = results.filter(outcome__in=BAD).values("case")
    verdicts: dict[int, Verdict] = defaultdict(Verdict)
    for row in results.filter(case__in=bad).order_by("id").defer("message", "details"):
        verdicts[row.case_id].add(reports[row.report_id].name, row)
    tests = Tests(list(reports.values()), dict(verdicts), cases_by_id, quarantined_of)
    lists = tests.lists
    return Red(
        reported=True,
        new=lists["new_failures"],
        known=lists["known_failures"],
        new_total=len(tests.new),
        known_total=len(tests.known),
    )
