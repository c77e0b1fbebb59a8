"""Which part of a suite a machine runs: `splitting` over what past runs took."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef

from idp.common.errors import Invalid
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import Report, TestCase, TestResult
from pipelines.reports.splitting import MAX_NODES, Share, split, with_unknown
from rbac.models import Project

MAX_PARTS = 50_000


def share(
    of: Project, *, index: int, total: int, component: str = "", wanted: Sequence[str] = ()
) -> Share:
    """What machine `index` (from 1) of `total` runs of the suite, or of the parts that it names.

    Raises `Invalid` for numbers that fit no machine, and where no past run is known.
    """
    if not 1 <= total <= MAX_NODES or not 1 <= index <= total:
        raise Invalid(
            f"index goes from 1 to total, and total to {MAX_NODES}.",
            fix="index=$CI_NODE_INDEX&total=$CI_NODE_TOTAL",
        )
    known = durations(of, component)
    if not known and not wanted:
        raise Invalid(
            "No run of this suite on its target branch is known yet.",
            fix="Upload a JUnit report of it first, or send the parts to be split.",
        )
    return split(with_unknown(known, wanted) if wanted else known, total)[index - 1]


def durations(of: Project, component: str = "") -> dict[str, float]:
    """Seconds by file (by class where tools name no files), of the target branch's last commit."""
    rows = Report.objects.filter(project=of, kind=Kind.JUNIT, ref=F("target"))
    rows = rows.filter(component__name=component) if component else rows
    last = rows.order_by("-pk").first()
    if last is None:
        return {}
    same = Report.objects.filter(project=of, kind=Kind.JUNIT, commit=last.commit)
    ran = TestResult.objects.filter(report__in=same, case=OuterRef("pk"))
    cases = TestCase.objects.filter(Exists(ran), project=of)
    cases = cases.filter(component__name=component) if component else cases
    found: dict[str, float] = {}
    columns = ("file", "classname", "suite", "name", "median")
    for file, classname, suite, name, median in cases.values_list(*columns)[:MAX_PARTS]:
        part = file or classname or suite or name
        found[part] = found.get(part, 0.0) + (median or 0.0)
    return found
