"""Facts of reports: tests, coverage, findings and schemas of a commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.db.models import Max

from pipelines.evidence.registry import (
    Case,
    Load,
    Read,
    Type,
    Unknown,
    Value,
    register_evidence,
    register_source,
)
from pipelines.reports import together
from pipelines.reports.facts import FindingFacts, TestFacts
from pipelines.reports.formats.registry import COVERAGE, FINDINGS, Kind
from pipelines.reports.formats.results import Severity
from pipelines.reports.models import Report
from pipelines.reports.together import Key, Reports

_HAND_IN = "Let a job hand it in: {how}, or send it by `curl` from any CI."
_HOW = {
    "tests": "artifacts: reports: junit",
    "coverage": "artifacts: reports: coverage_report",
    "scanner": "artifacts: reports: sarif, codequality or cyclonedx",
    "compatibility": "slipway schemas check --json",
}


def _key(case: Case) -> Key:
    return case.project.pk, case.commit


def _load(what: str, kinds: Collection[str], read: Callable[[Reports], Mapping[Key, Any]]) -> Load:
    """A source that reads the reports of all cases at once, and says what lacks where it does."""

    def load(cases: Sequence[Case]) -> Sequence[Any]:
        found = read(together.reports_of({_key(case) for case in cases}))
        lacking = {case.project.pk for case in cases if _key(case) not in found}
        last = _last(lacking, kinds) if lacking else {}
        return [
            found[_key(case)] if _key(case) in found else _missing(what, case, last)
            for case in cases
        ]

    return load


def _last(projects: Collection[int], kinds: Collection[str]) -> dict[int, Report]:
    """The newest report of these kinds in each project: where one came from before."""
    rows = Report.own.filter(project__in=projects, kind__in=kinds).order_by()
    ids = [row["last"] for row in rows.values("project").annotate(last=Max("pk"))]
    found = Report.objects.filter(pk__in=ids).only("project", "job", "commit")
    return {row.project_id: row for row in found}


def _missing(what: str, case: Case, last: Mapping[int, Report]) -> Unknown:
    why = f"No {what} report of {case.commit[:8]} came in."
    before = last.get(case.project.pk)
    if before is None:
        return Unknown(why, _HAND_IN.format(how=_HOW.get(what, "a file")))
    job = f"the job “{before.job[:80]}”" if before.job else "an upload"
    return Unknown(why, f"The last one came by {job} of {before.commit[:8]}: let it run for this.")


def _missing_diff(case: Case) -> Unknown:
    return Unknown(
        f"No coverage with changed lines of {case.commit[:8]} came in.",
        "Hand in the coverage and, beside it, the diff: git diff main... | curl …, kind diff.",
    )


def _changed(cases: Sequence[Case]) -> Sequence[Any]:
    found = together.changed_of(together.reports_of({_key(case) for case in cases}))
    return [found[_key(case)] if _key(case) in found else _missing_diff(case) for case in cases]


def _test(count: Callable[[TestFacts], int]) -> Read:
    return lambda _case, found: count(found)


def _severity(severity: Severity) -> Read:
    def read(_case: Case, found: FindingFacts) -> Value | Unknown:
        return found.by_severity[severity]

    return read


def _new(severity: Severity | None = None) -> Read:
    def read(_case: Case, found: FindingFacts) -> Value | Unknown:
        if found.new is None or found.new_by_severity is None:
            why = "The target branch has no report of the same scanner to compare with."
            return Unknown(why, "Run the scanner there once, or ask for all findings.")
        return found.new if severity is None else found.new_by_severity[severity]

    return read


def _percent(_case: Case, found: float | None) -> Value | Unknown:
    """Where no line can run, all of them did."""
    return 100.0 if found is None else float(found)


def _register_tests() -> None:
    register_source("tests", _load("tests", [Kind.JUNIT], together.tests_of))
    rows: tuple[tuple[str, str, Callable[[TestFacts], int], int], ...] = (
        ("total", "Tests of the commit.", lambda one: one.total, 412),
        (
            "failed",
            "Red tests, but those in quarantine that passed at this commit, too.",
            lambda one: one.failed - one.excused,
            0,
        ),
        (
            "new_failed",
            "Of those, the ones that do not fail on the target branch.",
            lambda one: one.new_failures - one.new_excused,
            0,
        ),
        (
            "blocking",
            "Red tests that are in no quarantine, whatever those in quarantine did.",
            lambda one: one.blocking,
            0,
        ),
        ("flaky", "Tests that passed and failed at this commit.", lambda one: one.flaky, 1),
        ("quarantined", "Red tests in quarantine.", lambda one: one.quarantined, 1),
        ("skipped", "Tests that were skipped.", lambda one: one.skipped, 3),
    )
    for name, doc, count, example in rows:
        read = _test(count)
        register_evidence(f"tests.{name}", Type.NUMBER, doc, read, example=example, source="tests")


def _register_coverage() -> None:
    register_source("coverage", _load("coverage", COVERAGE, together.coverage_of))
    register_source("changed lines", _changed)
    register_evidence(
        "coverage.line",
        Type.NUMBER,
        "Of all lines that can run, those that tests ran, in percent.",
        _percent,
        example=87.5,
        source="coverage",
    )
    register_evidence(
        "coverage.changed",
        Type.NUMBER,
        "The same of the lines that the commit changes; 100 where none of them can run.",
        _percent,
        example=92.0,
        source="changed lines",
    )


def _register_findings() -> None:
    def all_of(reports: Reports) -> Mapping[Key, Any]:
        return together.findings_of(reports, compared=False)

    def new_of(reports: Reports) -> Mapping[Key, Any]:
        return together.findings_of(reports, compared=True)

    register_source("findings", _load("scanner", FINDINGS, all_of))
    register_source("new findings", _load("scanner", FINDINGS, new_of))
    told: dict[str, Any] = {"type_": Type.NUMBER, "source": "findings", "example": 0}
    register_evidence(
        "findings.total",
        doc="Findings of all scanners.",
        read=lambda _case, found: found.total,
        **told,
    )
    for one in Severity:
        doc = f"Findings of severity {one}."
        register_evidence(f"findings.{one}", doc=doc, read=_severity(one), **told)
    told["source"] = "new findings"
    doc = "Findings that the target branch does not have."
    register_evidence("findings.new", doc=doc, read=_new(), **told)
    for one in (Severity.CRITICAL, Severity.HIGH):
        doc = f"Of those, the ones of severity {one}."
        register_evidence(f"findings.new_{one}", doc=doc, read=_new(one), **told)


def register() -> None:
    _register_tests()
    _register_coverage()
    _register_findings()
    register_source("schemas", _load("compatibility", [Kind.COMPATIBILITY], together.compatible_of))
    register_evidence(
        "schemas.compatible",
        Type.FLAG,
        "Whether all subjects get on with who reads and writes them, as the check of them said.",
        lambda _case, found: bool(found),
        example=True,
        source="schemas",
    )
