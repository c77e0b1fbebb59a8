"""Coverage of a commit: of all lines, and of those that its diff changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db.models import Max

from pipelines.reports.formats.lines import unpacked
from pipelines.reports.models import CoverageFile, Report
from pipelines.reports.storing import percent, unsqueezed
from rbac.models import Project

CHUNK = 500
K = TypeVar("K", bound=Hashable)  # what a caller calls a commit


@dataclass(frozen=True)
class CoverageFacts:
    lines: int
    covered: int
    percent: float | None
    target_percent: float | None  # of the target branch's last commit


@dataclass(frozen=True)
class ChangedFacts:
    """Of the lines that the commit's diff adds, those that can run, and those that did."""

    lines: int
    covered: int
    percent: float | None
    uncovered: dict[str, list[int]] = field(default_factory=dict)


def share(reports: Sequence[Report]) -> float | None:
    """Of all lines that can run, those that did, in percent."""
    covered = sum(one.summary["covered"] for one in reports)
    return percent(covered, sum(one.summary["lines"] for one in reports))


class Hits:
    """The lines of a commit's coverage reports together, read when they are asked for."""

    def __init__(self, reports: Sequence[Report]) -> None:
        # The last of a component, kind and name replaces what it said before.
        latest = {(one.component_id, one.kind, one.name): one for one in reports}
        self.reports = list(latest.values())

    def facts(self, project: Project, commit: str) -> CoverageFacts | None:
        if not self.reports:
            return None
        lines = sum(one.summary["lines"] for one in self.reports)
        covered = sum(one.summary["covered"] for one in self.reports)
        base = target_reports(project, commit, self.reports)
        return CoverageFacts(lines, covered, share(self.reports), share(base))

    def of(self, paths: Iterable[str]) -> dict[str, dict[int, int]]:
        """Hits by each of the changed paths; a tool's shorter name matches by its end."""
        return hits_of({"": self.reports}, {"": paths})[""]


def hits_of(
    reports: Mapping[K, Sequence[Report]], paths: Mapping[K, Iterable[str]]
) -> dict[K, dict[str, dict[int, int]]]:
    """The same of many commits at once, by what the caller calls each."""
    owner = {one.pk: key for key, rows in reports.items() for one in rows}
    ends = {key: _by_end(some) for key, some in paths.items()}
    names = CoverageFile.objects.filter(report__in=owner).values_list("pk", "report", "path")
    wanted = {
        pk: (owner[report], path)
        for pk, report, name in names.iterator(chunk_size=5_000)
        if (path := _match(name, ends[owner[report]]))
    }
    found: dict[K, dict[str, dict[int, int]]] = {key: defaultdict(dict) for key in reports}
    ids = list(wanted)
    for at in range(0, len(ids), CHUNK):
        for row in CoverageFile.objects.filter(pk__in=ids[at : at + CHUNK]):
            key, path = wanted[row.pk]
            lines = found[key][path]
            for number, count in unpacked(bytes(row.packed)).items():
                lines[number] = max(lines.get(number, 0), count)
    return found


def _by_end(paths: Iterable[str]) -> dict[str, list[str]]:
    ends: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        ends[path.rpartition("/")[2]].append(path)
    return ends


def _match(name: str, ends: dict[str, list[str]]) -> str:
    """The one changed path that ends as the tool's name, or as which that name ends."""
    candidates = ends.get(name.rpartition("/")[2], [])
    if name in candidates:
        return name
    found = [path for path in candidates if path.endswith(f"/{name}") or name.endswith(f"/{path}")]
    return found[0] if len(found) == 1 else ""


def changed_by(diffs: Sequence[Report], hits: Hits) -> ChangedFacts | None:
    if not diffs or not hits.reports:
        return None
    payload = Report.objects.values_list("payload", flat=True).get(pk=diffs[-1].pk)
    changed = unsqueezed(bytes(payload))
    return changed_facts(changed, hits.of(changed))


def changed_facts(
    changed: dict[str, list[int]], hits: Mapping[str, Mapping[int, int]]
) -> ChangedFacts:
    """Coverage of changed lines; lines of files that no report names are not known to run."""
    lines = covered = 0
    uncovered: dict[str, list[int]] = {}
    for path, known in sorted(hits.items()):
        running = [number for number in changed[path] if number in known]
        missed = [number for number in running if not known[number]]
        lines, covered = lines + len(running), covered + len(running) - len(missed)
        if missed:
            uncovered[path] = missed
    return ChangedFacts(lines, covered, percent(covered, lines), uncovered)


def target_reports(project: Project, commit: str, reports: Sequence[Report]) -> list[Report]:
    """The target branch's last report of each component, kind and name that the commit has.

    For a commit of that branch itself: the last before it.
    """
    found = []
    for one in reports:
        rows = Report.own.filter(
            project=project,
            component=one.component_id,
            kind=one.kind,
            name=one.name,
            ref=one.target,
        ).exclude(commit=commit)
        if one.on_target:
            rows = rows.filter(pk__lt=one.pk)
        last = rows.aggregate(last=Max("pk"))["last"]
        if last is not None:
            found.append(last)
    return list(Report.objects.defer("payload").filter(pk__in=found))
