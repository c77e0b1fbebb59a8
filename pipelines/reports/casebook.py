"""Tests by their stable keys, brought up to date by each report of a commit.

One transaction a project at a time (`services` locks it), so that numbers add up.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import QuerySet

from pipelines.reports.formats.results import Case, Outcome
from pipelines.reports.models import Report, TestCase, TestResult

BATCH = 500
KEPT_DURATIONS = 20
_WORST = (Outcome.ERROR.value, Outcome.FAILED.value, Outcome.PASSED.value, Outcome.SKIPPED.value)
BAD = frozenset({Outcome.FAILED.value, Outcome.ERROR.value})
_UPDATED = (
    *("component", "last_seen", "runs", "failures", "durations", "median", "p95"),
    *("outcome", "outcome_commit", "previous", "failing_since", "flaky_at", "flaky_count"),
    *("foreign", "first_seen"),
)
Earlier = Mapping[int, Sequence[tuple[str, str]]]  # (report's name, outcome) by test


def key_of(component: str, case: Case) -> str:
    """The same for a test in every commit; a suite's name counts only where there is no class."""
    group = case.classname or case.suite
    parts = (component, group, case.name, case.file)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:40]


def worst(outcomes: Iterable[str]) -> str:
    """What counts where the jobs of a matrix differ."""
    return min(outcomes, key=_WORST.index)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that `share` of them do not pass (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def record_cases(report: Report, cases: Sequence[Case]) -> None:
    """Write each case's result, and what it changes about its test."""
    named = {key_of(report.component.name if report.component else "", one): one for one in cases}
    rest = iter(sorted(named.items()))  # one order for all writers
    while part := dict(islice(rest, BATCH)):
        _record(report, part)


def _record(report: Report, part: Mapping[str, Case]) -> None:
    known = {row.key: row for row in TestCase.objects.filter(project=report.project, key__in=part)}
    if report.foreign:
        _record_foreign(report, part, known)
        return
    earlier = _earlier(report, [row.pk for row in known.values()])
    rows, results = [], []
    for key, case in part.items():
        row = known.get(key) or _new(report, key, case)
        others = earlier.get(row.pk, ()) if row.pk else ()
        _update(row, report, case, others)
        rows.append(row)
        results.append(_result(report, row, case))
    TestCase.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["project", "key"], update_fields=_UPDATED
    )
    TestResult.objects.bulk_create(results)


def _record_foreign(
    report: Report, part: Mapping[str, Case], known: Mapping[str, TestCase]
) -> None:
    """Results of a fork's job: tests stay as they are, and new ones are the forks' alone."""
    rows = {key: known.get(key) or _new(report, key, case) for key, case in part.items()}
    new = [row for key, row in rows.items() if key not in known]
    for row in new:
        row.foreign = True
    TestCase.objects.bulk_create(new)
    TestResult.objects.bulk_create(_result(report, rows[key], case) for key, case in part.items())


def _earlier(report: Report, cases: Sequence[int]) -> Earlier:
    """What other reports of this commit said of the tests, oldest first."""
    others = Report.own.filter(
        project=report.project, commit=report.commit, kind=report.kind, pk__lt=report.pk
    )
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    names = dict(others.values_list("pk", "name"))
    if not names or not cases:
        return found
    rows: QuerySet[TestResult] = TestResult.objects.filter(report__in=names, case__in=cases)
    for case, report_id, outcome in rows.order_by("id").values_list(
        "case_id", "report_id", "outcome"
    ):
        found[case].append((names[report_id], outcome))
    return found


def _new(report: Report, key: str, case: Case) -> TestCase:
    return TestCase(
        project=report.project,
        key=key,
        suite=case.suite,
        classname=case.classname,
        name=case.name,
        file=case.file,
        first_seen=report.created_at,
    )


def _result(report: Report, row: TestCase, case: Case) -> TestResult:
    return TestResult(
        report=report,
        case=row,
        outcome=case.outcome,
        seconds=case.seconds,
        failed_tries=case.failed_tries,
        before=row.previous if report.on_target else row.outcome,
        message=case.message,
        details=case.details,
    )


def _update(row: TestCase, report: Report, case: Case, earlier: Sequence[tuple[str, str]]) -> None:
    if row.foreign:
        row.foreign, row.first_seen = False, report.created_at
    row.component = report.component
    row.last_seen = report.created_at
    row.runs += case.outcome is not Outcome.SKIPPED
    row.failures += case.outcome.bad
    if case.outcome is Outcome.PASSED and case.seconds is not None:
        row.durations = [*row.durations, case.seconds][-KEPT_DURATIONS:]
        row.median, row.p95 = quantile(row.durations, 0.5), quantile(row.durations, 0.95)
    if _flaky(report, case, earlier):
        row.flaky_at, row.flaky_count = report.created_at, row.flaky_count + 1
    if report.on_target and case.outcome is not Outcome.SKIPPED:
        last = {**dict(earlier), report.name: case.outcome.value}
        _stand(row, report.commit, worst(last.values()), report.created_at)


def _flaky(report: Report, case: Case, earlier: Sequence[tuple[str, str]]) -> bool:
    """Whether it passed and failed on one commit, in reports of one name."""
    if case.flaky:
        return True
    before = {outcome for name, outcome in earlier if name == report.name}
    if case.outcome is Outcome.PASSED:
        return bool(before & BAD)
    return case.outcome.bad and Outcome.PASSED.value in before


def _stand(row: TestCase, commit: str, outcome: str, at: datetime) -> None:
    """The target branch stands so from now on."""
    if row.outcome_commit != commit:
        row.previous, row.outcome_commit = row.outcome, commit
    row.outcome = outcome
    if outcome not in BAD:
        row.failing_since = None
    elif row.failing_since is None:
        row.failing_since = at
