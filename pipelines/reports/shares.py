"""Which part of a suite a machine runs: `splitting` over what past runs took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, QuerySet

from idp.common.errors import Invalid
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import Report, TestCase, TestResult
from pipelines.reports.splitting import MAX_NODES, Share, of_wanted, split, with_unknown
from rbac.models import Project

MAX_PARTS = 50_000
_NAMES = ("file", "classname", "suite", "name")


def share(
    of: Project,
    *,
    index: int,
    total: int,
    component: str = "",
    wanted: Sequence[str] = (),
    before: datetime | None = None,
) -> Share:
    """What machine `index` (from 1) of `total` runs of the suite, or of the parts that it names.

    Machines that name the same `before` share alike, whatever is reported meanwhile.
    Raises `Invalid` for numbers that fit no machine, and where no past run is known.
    """
    if not 1 <= total <= MAX_NODES or not 1 <= index <= total:
        raise Invalid(
            f"index goes from 1 to total, and total to {MAX_NODES}.",
            fix="index=$CI_NODE_INDEX&total=$CI_NODE_TOTAL",
        )
    known = durations(of, component, before)
    if not known and not wanted:
        raise Invalid(
            "No run of this suite on its target branch is known yet.",
            fix="Upload a JUnit report of it first, or send the parts to be split.",
        )
    found = split(with_unknown(known, wanted) if wanted else known, total)[index - 1]
    return replace(found, known=len(of_wanted(known, wanted) if wanted else known))


def durations(of: Project, component: str = "", before: datetime | None = None) -> dict[str, float]:
    """Seconds by file (by class where tools name no files), of the target branch's last commit.

    With `before`, of the last commit that was reported until then, by what it took itself: later
    reports change the usual duration of a test, and no run that was reported.
    """
    reports = Report.own.filter(project=of, kind=Kind.JUNIT)
    reports = reports.filter(created_at__lt=before) if before else reports
    rows = reports.filter(ref=F("target"))
    rows = rows.filter(component__name=component) if component else rows
    last = rows.order_by("-pk").first()
    if last is None:
        return {}
    same = reports.filter(commit=last.commit)
    return _summed(_took(same, component) if before else _usual(of, same, component))


def _took(same: QuerySet[Report], component: str) -> QuerySet[Any, tuple[Any, ...]]:
    """Each test's longest run in these reports."""
    rows = TestResult.objects.filter(report__in=same)
    rows = rows.filter(case__component__name=component) if component else rows
    columns = (f"case__{name}" for name in ("pk", *_NAMES))
    return rows.values_list(*columns).annotate(longest=Max("seconds")).order_by("case")


def _usual(of: Project, same: QuerySet[Report], component: str) -> QuerySet[Any, tuple[Any, ...]]:
    """The median of each test that ran in these reports."""
    ran = TestResult.objects.filter(report__in=same, case=OuterRef("pk"))
    cases = TestCase.objects.filter(Exists(ran), project=of)
    cases = cases.filter(component__name=component) if component else cases
    return cases.values_list("pk", *_NAMES, "median").order_by("pk")


def _summed(rows: QuerySet[Any, tuple[Any, ...]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for _, file, classname, suite, name, seconds in rows[:MAX_PARTS]:
        part = file or classname or suite or name
        found[part] = found.get(part, 0.0) + (seconds or 0.0)
    return found
