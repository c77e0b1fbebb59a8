"""What the reports of many commits say, read at once: as `facts.compare` says of one.

For gates and their previews, which ask about fifty promotions in as many queries as about one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from pipelines.reports import facts
from pipelines.reports.casebook import BAD
from pipelines.reports.facts import MAX_REPORTS, FindingFacts, TestFacts, Tests, Verdict
from pipelines.reports.formats.registry import COVERAGE, FINDINGS, Kind
from pipelines.reports.linehits import Hits, changed_facts, hits_of, share
from pipelines.reports.models import Report, ReportedFinding
from pipelines.reports.storing import unsqueezed

CHUNK = 500
MAX_BASES = 5_000  # reports of target branches that are looked at, the newest

Key = tuple[int, str]  # a project and a commit of it
Reports = Mapping[Key, Sequence[Report]]


def reports_of(keys: Collection[Key]) -> dict[Key, list[Report]]:
    """The reports of each commit, the oldest first, none of a fork's jobs; nothing without any."""
    rows = Report.own.filter(
        project__in={project for project, _ in keys}, commit__in={commit for _, commit in keys}
    )
    found: dict[Key, list[Report]] = defaultdict(list)
    for row in rows.defer("payload").order_by("-id")[: MAX_REPORTS * max(len(keys), 1)]:
        key = (row.project_id, row.commit)
        if key in keys and len(found[key]) < MAX_REPORTS:
            found[key].append(row)
    return {key: reports[::-1] for key, reports in found.items() if reports}


# -- tests --------------------------------------------------------------------------------------


def tests_of(reports: Reports) -> dict[Key, TestFacts]:
    """The tests of each commit that has a JUnit report."""
    own = {key: [one for one in rows if one.kind == Kind.JUNIT] for key, rows in reports.items()}
    by_id = {one.pk: one for rows in own.values() for one in rows}
    verdicts: dict[Key, dict[int, Verdict]] = {key: {} for key, rows in own.items() if rows}
    looked_at: set[int] = set()
    for row in facts.results_of(by_id):
        report = by_id[row.report_id]
        found = verdicts[report.project_id, report.commit]
        found.setdefault(row.case_id, Verdict()).add(report.name, row)
        if row.outcome in BAD or row.failed_tries or row.before in BAD:
            looked_at.add(row.case_id)
    cases, held = facts.cases_by_id(looked_at), facts.quarantined_of(sorted(looked_at))
    return {
        key: Tests(own[key], one, lambda _: cases, lambda _: held).facts
        for key, one in verdicts.items()
    }


# -- coverage -----------------------------------------------------------------------------------


def coverage_of(reports: Reports) -> dict[Key, float | None]:
    """Of all lines, the share that ran, in percent; None where none can run."""
    hits = {key: _hits(rows) for key, rows in reports.items()}
    return {key: share(one.reports) for key, one in hits.items() if one.reports}


def changed_of(reports: Reports) -> dict[Key, float | None]:
    """The same of the lines that a commit's diff adds, where both were reported."""
    diffs = {
        key: [one.pk for one in rows if one.kind == Kind.DIFF] for key, rows in reports.items()
    }
    hits = {key: _hits(rows).reports for key, rows in reports.items() if diffs[key]}
    last = {key: diffs[key][-1] for key, rows in hits.items() if rows}
    packed = dict(Report.objects.filter(pk__in=last.values()).values_list("pk", "payload"))
    changed = {key: unsqueezed(bytes(packed[pk])) for key, pk in last.items()}
    lines = hits_of({key: hits[key] for key in last}, changed)
    return {key: changed_facts(changed[key], lines[key]).percent for key in last}


def _hits(rows: Sequence[Report]) -> Hits:
    return Hits([one for one in rows if one.kind in COVERAGE])


# -- findings and compatibility -----------------------------------------------------------------


def findings_of(reports: Reports, *, compared: bool) -> dict[Key, FindingFacts]:
    """The findings of each commit that has reports of some; `compared` says how many are new."""
    latest = {
        key: facts.latest_of([one for one in rows if one.kind in FINDINGS])
        for key, rows in reports.items()
    }
    latest = {key: rows for key, rows in latest.items() if rows}
    new = _new(latest) if compared else {}
    return {key: facts.counted(rows, new.get(key)) for key, rows in latest.items()}


def _new(latest: Reports) -> dict[Key, list[str]]:
    """Severities of what the target branch lacks; a commit lacks where that has no such report."""
    bases = _bases([one for rows in latest.values() for one in rows])
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    ids = sorted({*bases.values(), *(one.pk for rows in latest.values() for one in rows)})
    for at in range(0, len(ids), CHUNK):
        some = ReportedFinding.objects.filter(report__in=ids[at : at + CHUNK])
        for report, *finding in some.values_list("report", "fingerprint", "severity"):
            found[report].append((finding[0], finding[1]))
    new = {}
    for key, rows in latest.items():
        if all(one.pk in bases for one in rows):
            known = {print_ for one in rows for print_, _ in found[bases[one.pk]]}
            said = (finding for one in rows for finding in found[one.pk])
            new[key] = [severity for print_, severity in said if print_ not in known]
    return new


def _bases(reports: Sequence[Report]) -> dict[int, int]:
    """By report: the target branch's last one of its component, kind and name."""
    rows = Report.own.filter(
        project__in={one.project_id for one in reports},
        kind__in={one.kind for one in reports},
        ref__in={one.target for one in reports},
    ).order_by("-id")
    columns = ("pk", "project", "component", "kind", "name", "ref", "commit")
    places: dict[tuple[object, ...], list[tuple[int, str]]] = defaultdict(list)
    for pk, *place, commit in rows.values_list(*columns)[:MAX_BASES]:
        places[tuple(place)].append((pk, commit))
    found = {}
    for one in reports:
        place = (one.project_id, one.component_id, one.kind, one.name, one.target)
        base = next(
            (
                pk
                for pk, commit in places[place]
                if commit != one.commit and (pk < one.pk or not one.on_target)
            ),
            None,
        )
        if base is not None:
            found[one.pk] = base
    return found


def compatible_of(reports: Reports) -> dict[Key, bool]:
    """Whether all schemas get on, where that was reported."""
    found = {key: facts.compatible(rows) for key, rows in reports.items()}
    return {key: one for key, one in found.items() if one is not None}
