"""Coverage over time, by component, on target branches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet

from pipelines.permissions import VIEW
from pipelines.reports.formats.registry import COVERAGE
from pipelines.reports.models import Report
from pipelines.reports.storing import percent
from portal.models import Component
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Project

MAX_POINTS = 60
MAX_TRENDS = 50


@dataclass(frozen=True)
class Point:
    """The coverage of one commit of the target branch."""

    commit: str
    at: datetime
    lines: int
    covered: int

    @property
    def percent(self) -> float:
        return percent(self.covered, self.lines) or 0.0


@dataclass(frozen=True)
class Trend:
    """A component's coverage on its target branch, oldest first."""

    project: Project
    component: Component | None
    points: Sequence[Point]

    @property
    def change(self) -> float | None:
        """Points of a percent against the commit before."""
        if len(self.points) < 2:  # noqa: PLR2004  # a pair
            return None
        return round(self.points[-1].percent - self.points[-2].percent, 2)


def trends(actor: Actor, *, of: Project | None = None, component: str = "") -> list[Trend]:
    """Coverage by project and component, of those that the actor sees."""
    rows = Report.own.filter(kind__in=COVERAGE, ref=F("target"))
    rows = rows.filter(project=of) if of else rows
    rows = rows.filter(component__name=component) if component else rows
    seen = visible(actor, VIEW, rows).order_by()
    pairs = seen.values_list("project", "component").distinct()[:MAX_TRENDS]
    found = [_trend(seen.filter(project=one, component=other)) for one, other in pairs]
    return sorted(
        (one for one in found if one),
        key=lambda one: (one.project.name, one.component.name if one.component else ""),
    )


def _trend(rows: QuerySet[Report]) -> Trend | None:
    latest = list(
        rows.order_by("-pk")
        .select_related("project__team", "component__owner")
        .defer("payload")[: MAX_POINTS * 4]
    )
    by_commit: dict[str, dict[tuple[str, str], Report]] = {}
    for one in latest:  # newest first: the last word of each name counts
        by_commit.setdefault(one.commit, {}).setdefault((one.kind, one.name), one)
    points = [_point(commit, list(found.values())) for commit, found in by_commit.items()]
    if not latest:
        return None
    return Trend(latest[0].project, latest[0].component, points[:MAX_POINTS][::-1])


def _point(commit: str, found: Sequence[Report]) -> Point:
    return Point(
        commit,
        max(one.created_at for one in found),
        sum(one.summary["lines"] for one in found),
        sum(one.summary["covered"] for one in found),
    )
