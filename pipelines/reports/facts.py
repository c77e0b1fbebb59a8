"""What is known of one commit: tests, coverage, findings, compared with its target branch.

`facts_of` is for gates, which ask as Slipway itself; whoever shows it decides before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from pipelines.reports.casebook import BAD, worst
from pipelines.reports.formats.registry import COVERAGE, FINDINGS, Kind
from pipelines.reports.formats.results import Outcome, Severity
from pipelines.reports.linehits import (
    ChangedFacts,
    CoverageFacts,
    Hits,
    changed_by,
    target_reports,
)
from pipelines.reports.models import (
    Quarantine,
    Report,
    ReportedFinding,
    TestCase,
    TestResult,
)
from rbac.models import Project

MAX_REPORTS = 500  # of one commit that are looked at, the newest
MAX_SHOWN = 200  # of each list
CHUNK = 500


@dataclass(frozen=True)
class Failure:
    """A test that is red at the commit, or was and is fixed."""

    case: TestCase
    message: str = ""
    details: str = ""
    flaky: bool = False
    quarantined: bool = False


@dataclass(frozen=True)
class TestFacts:
    """Failing ones are new, or fail on the target branch too; quarantined ones do not block."""

    total: int
    passed: int
    failed: int
    skipped: int
    flaky: int
    new_failures: int
    known_failures: int
    fixed: int
    quarantined: int
    blocking: int
    excused: int  # of the quarantined, those that passed at this commit, too
    new_excused: int


@dataclass(frozen=True)
class FindingFacts:
    total: int
    by_severity: dict[str, int]
    new: int | None  # None: the target branch has no such report
    new_by_severity: dict[str, int] | None


@dataclass(frozen=True)
class Facts:
    """None is unknown: nothing of that sort was reported."""

    commit: str
    tests: TestFacts | None
    coverage: CoverageFacts | None
    changed: ChangedFacts | None
    findings: FindingFacts | None
    compatible: bool | None

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Comparison:
    """The facts, with the tests and findings behind them."""

    facts: Facts
    reports: Sequence[Report]
    new_failures: Sequence[Failure] = ()
    known_failures: Sequence[Failure] = ()
    fixed: Sequence[Failure] = ()
    flaky: Sequence[Failure] = ()
    new_findings: Sequence[ReportedFinding] = ()


def facts_of(project: Project, commit: str) -> Facts:
    """The facts of a commit; all None where nobody reported any."""
    return compare(project, commit).facts


def told_of(project: Project, commit: str, *, foreign: bool = False) -> QuerySet[Report]:
    """The reports that count for a commit; `foreign`: those of a fork's jobs, and the diff."""
    of = Q(foreign=True) | Q(kind=Kind.DIFF) if foreign else Q(foreign=False)
    return Report.objects.filter(of, project=project, commit=commit)


def compare(project: Project, commit: str, *, foreign: bool = False) -> Comparison:
    """The commit against what its target branch says; `foreign`: as a fork's jobs report it."""
    rows = told_of(project, commit, foreign=foreign).select_related("component")
    reports = list(rows.defer("payload").order_by("-id")[:MAX_REPORTS])[::-1]
    tests = _tests([one for one in reports if one.kind == Kind.JUNIT])
    hits = Hits([one for one in reports if one.kind in COVERAGE])
    found, new = _findings(project, commit, [one for one in reports if one.kind in FINDINGS])
    facts = Facts(
        commit=commit,
        tests=tests.facts if tests else None,
        coverage=hits.facts(project, commit),
        changed=changed_by([one for one in reports if one.kind == Kind.DIFF], hits),
        findings=found,
        compatible=compatible(reports),
    )
    return Comparison(facts, reports, new_findings=new, **(tests.lists if tests else {}))


# -- tests --------------------------------------------------------------------------------------


@dataclass
class Verdict:
    """How one test stands at the commit: the last of each name, the worst of the names."""

    last: dict[str, TestResult] = field(default_factory=dict)
    seen: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, name: str, result: TestResult) -> None:
        skipped = result.outcome == Outcome.SKIPPED
        if not skipped or name not in self.last:
            self.last[name] = result
        self.seen[name].add(result.outcome)
        if result.failed_tries:
            self.seen[name].add(Outcome.FAILED)

    @property
    def outcome(self) -> str:
        return worst(one.outcome for one in self.last.values())

    @property
    def shown(self) -> TestResult:
        return next(one for one in self.last.values() if one.outcome == self.outcome)

    @property
    def flaky(self) -> bool:
        return any(Outcome.PASSED in seen and seen & BAD for seen in self.seen.values())


Cases = Callable[[Collection[int]], Mapping[int, TestCase]]
Held = Callable[[Sequence[int]], Collection[int]]


class Tests:
    """The tests of a commit's reports; `cases` and `held` read more of those that are asked for."""

    def __init__(
        self, reports: Sequence[Report], verdicts: dict[int, Verdict], cases: Cases, held: Held
    ) -> None:
        self.reports = {one.pk: one for one in reports}
        self.verdicts = verdicts
        bad = [pk for pk, one in self.verdicts.items() if one.outcome in BAD]
        flaky = [pk for pk, one in self.verdicts.items() if one.flaky]
        fixed = [pk for pk, one in self.verdicts.items() if self._fixed(pk, one)]
        self.cases = cases({*bad, *flaky, *fixed})
        self.quarantined = held([*bad, *flaky])
        self.known = [pk for pk in bad if self._base(pk) in BAD]
        known = set(self.known)
        self.new = [pk for pk in bad if pk not in known]
        self.flaky, self.fixed = flaky, fixed

    def _base(self, pk: int) -> str:
        """The target branch's outcome: the live one, or before a commit of that branch itself."""
        shown = self.verdicts[pk].shown
        if self.reports[shown.report_id].on_target or pk not in self.cases:
            return shown.before
        return self.cases[pk].outcome

    @staticmethod
    def _fixed(_pk: int, verdict: Verdict) -> bool:
        return verdict.outcome == Outcome.PASSED and verdict.shown.before in BAD

    @property
    def facts(self) -> TestFacts:
        outcomes = [one.outcome for one in self.verdicts.values()]
        failed = sum(one in BAD for one in outcomes)
        left_out = sum(one.summary.get("left_out", 0) for one in self.reports.values())
        quarantined = [pk for pk in (*self.new, *self.known) if pk in self.quarantined]
        excused = {pk for pk in quarantined if self.verdicts[pk].flaky}
        return TestFacts(
            total=len(outcomes) + left_out,
            passed=outcomes.count(Outcome.PASSED) + left_out,
            failed=failed,
            skipped=outcomes.count(Outcome.SKIPPED),
            flaky=len(self.flaky),
            new_failures=len(self.new),
            known_failures=len(self.known),
            fixed=len(self.fixed),
            quarantined=len(quarantined),
            blocking=failed - len(quarantined),
            excused=len(excused),
            new_excused=len(excused.intersection(self.new)),
        )

    @property
    def lists(self) -> dict[str, list[Failure]]:
        shown = {
            "new_failures": self.new[:MAX_SHOWN],
            "known_failures": self.known[:MAX_SHOWN],
            "fixed": self.fixed[:MAX_SHOWN],
            "flaky": self.flaky[:MAX_SHOWN],
        }
        ids = [self.verdicts[pk].shown.pk for pks in shown.values() for pk in pks]
        texts = TestResult.objects.in_bulk(ids)
        return {name: [self._failure(pk, texts) for pk in pks] for name, pks in shown.items()}

    def _failure(self, pk: int, texts: dict[int, TestResult]) -> Failure:
        verdict = self.verdicts[pk]
        told = texts[verdict.shown.pk]
        return Failure(
            self.cases[pk], told.message, told.details, verdict.flaky, pk in self.quarantined
        )


def results_of(reports: Collection[int]) -> Iterator[TestResult]:
    """The results of reports, in the order in which they came."""
    rows = TestResult.objects.filter(report__in=reports).order_by("id")
    fields = ("case_id", "report_id", "outcome", "failed_tries", "before")
    return rows.only("id", *fields).iterator(chunk_size=5_000)


def _tests(reports: Sequence[Report]) -> Tests | None:
    if not reports:
        return None
    names, found = {one.pk: one.name for one in reports}, defaultdict[int, Verdict](Verdict)
    for row in results_of(names):
        found[row.case_id].add(names[row.report_id], row)
    return Tests(reports, dict(found), cases_by_id, quarantined_of)


def cases_by_id(ids: Iterable[int]) -> dict[int, TestCase]:
    """Tests with who owns them."""
    wanted = sorted(ids)
    rows = TestCase.objects.select_related("component__owner", "project__team")
    parts = (wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK))
    return {row.pk: row for part in parts for row in rows.filter(pk__in=part)}


def quarantined_of(ids: Sequence[int]) -> set[int]:
    """Those of the tests whose quarantine holds now."""
    rows = Quarantine.objects.filter(ended_at=None, ends_at__gt=timezone.now())
    return set(rows.filter(case__in=ids).values_list("case_id", flat=True)) if ids else set()


# -- findings and compatibility -----------------------------------------------------------------


def _findings(
    project: Project, commit: str, reports: Sequence[Report]
) -> tuple[FindingFacts | None, list[ReportedFinding]]:
    if not reports:
        return None, []
    latest = latest_of(reports)
    new = _new_findings(project, commit, latest)
    facts = counted(latest, None if new is None else [one.severity for one in new])
    return facts, (new or [])[:MAX_SHOWN]


def latest_of(reports: Sequence[Report]) -> list[Report]:
    """The last of each component, kind and name, which replaces what it said before."""
    return list({(one.component_id, one.kind, one.name): one for one in reports}.values())


def counted(latest: Sequence[Report], new: Sequence[str] | None) -> FindingFacts:
    """The findings of reports by severity, and the new ones whose severities are told."""
    by_severity = dict.fromkeys((one.value for one in Severity), 0)
    for report in latest:
        for severity, count in report.summary["by_severity"].items():
            by_severity[severity] += count
    return FindingFacts(
        total=sum(by_severity.values()),
        by_severity=by_severity,
        new=None if new is None else len(new),
        new_by_severity=None if new is None else {one: new.count(one) for one in by_severity},
    )


def _new_findings(
    project: Project, commit: str, reports: Sequence[Report]
) -> list[ReportedFinding] | None:
    """Those that the target branch lacks, worst first; None where it has no report of a kind."""
    base = target_reports(project, commit, reports)
    if len(base) < len(reports):
        return None
    known = ReportedFinding.objects.filter(report__in=base).values("fingerprint")
    rows = ReportedFinding.objects.filter(report__in=reports).exclude(fingerprint__in=known)
    order = [one.value for one in Severity]
    return sorted(rows, key=lambda one: (order.index(one.severity), one.path, one.line))


def compatible(reports: Sequence[Report]) -> bool | None:
    """Whether every compatibility report allows; None where there is none."""
    rows = latest_of([one for one in reports if one.kind == Kind.COMPATIBILITY])
    return all(one.summary["allowed"] for one in rows) if rows else None
