"""Reads of reports and tests; what the actor may not see does not exist for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from idp.common.errors import NotVisible
from idp.common.narrowing import Narrowing
from pipelines.permissions import VIEW
from pipelines.reports import facts
from pipelines.reports.casebook import BAD, quantile
from pipelines.reports.facts import Comparison
from pipelines.reports.formats.registry import Kind
from pipelines.reports.models import Quarantine, Report, TestCase, TestResult
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project

STATES = ("failing", "flaky", "quarantined", "slow")
FLAKY_DAYS = 30
MAX_HISTORY = 100
COLUMNS = (
    "id", "project", "component", "owner", "suite", "classname", "name", "file", "outcome",
    "failing_since", "flaky_at", "flaky_count", "quarantined_until", "runs", "failures", "median",
    "p95", "last_seen",
)  # fmt: skip


@dataclass(frozen=True)
class Filters(Narrowing):
    """What a list of tests is narrowed to; empty text does not narrow."""

    q: str = ""
    state: str = ""
    project: str = ""
    component: str = ""
    owner: str = ""


def project(actor: Actor, name: str) -> Project:
    """A project whose pipelines the actor sees; raises `NotVisible`."""
    return get_visible(actor, VIEW, Project.objects.select_related("team", "scope"), name=name)


def reports(actor: Actor, of: Project, query: Mapping[str, str]) -> QuerySet[Report]:
    """A project's reports, newest first by id."""
    names = {"commit": "commit", "kind": "kind", "ref": "ref", "component": "component__name"}
    given = {
        to: str(query[name]).replace("\0", "") for name, to in names.items() if query.get(name)
    }
    rows = Report.objects.filter(project=of, **given).defer("payload")
    return visible(actor, VIEW, rows).select_related("project", "component", "uploaded_by")


def tests(actor: Actor, filters: Filters) -> QuerySet[TestCase]:
    """Tests with `quarantined_until`, unordered; none that only forks have."""
    return _tests(actor, filters).filter(foreign=False)


def _tests(actor: Actor, filters: Filters) -> QuerySet[TestCase]:
    held = Quarantine.objects.filter(
        case=OuterRef("pk"), ended_at=None, ends_at__gt=timezone.now()
    ).values("ends_at")[:1]
    rows = TestCase.objects.filter(_condition(filters))
    return (
        visible(actor, VIEW, rows)
        .annotate(quarantined_until=Subquery(held))
        .select_related("project__team", "component__owner", "component__project")
    )


def _condition(filters: Filters) -> Q:
    found = Q(**_in_state(filters.state))
    if filters.state == "quarantined":
        held = Quarantine.objects.filter(ended_at=None, ends_at__gt=timezone.now())
        found &= Q(pk__in=held.values("case"))
    if filters.q:
        found &= (
            Q(name__icontains=filters.q)
            | Q(classname__icontains=filters.q)
            | Q(file__icontains=filters.q)
        )
    if filters.project:
        found &= Q(project__name=filters.project)
    if filters.component:
        found &= Q(component__name=filters.component)
    if filters.owner:
        own = Q(component__owner__name=filters.owner)
        found &= own | Q(component=None, project__team__name=filters.owner)
    return found


def _in_state(state: str) -> dict[str, Any]:
    since = timezone.now() - timedelta(days=FLAKY_DAYS)
    states: dict[str, dict[str, Any]] = {
        "failing": {"failing_since__isnull": False},
        "flaky": {"flaky_at__gte": since},
        "slow": {"p95__isnull": False, "last_seen__gte": since},
    }
    return states.get(state, {})


def ordered(rows: QuerySet[TestCase], state: str) -> QuerySet[TestCase]:
    """As a state's list is read: what began last first, the slowest first, else by name."""
    by = {
        "failing": (F("failing_since").desc(), "-pk"),
        "flaky": (F("flaky_at").desc(), "-pk"),
        "slow": (F("p95").desc(nulls_last=True), "-pk"),
    }
    return rows.order_by(*by.get(state, ("name", "pk")))


def test(actor: Actor, pk: int) -> TestCase:
    """One test; raises `NotVisible`."""
    found = _tests(actor, Filters()).filter(pk=pk).first()
    if found is None:
        raise NotVisible("There is no such test, or you may not see it.")
    return found


def exported(row: TestCase) -> dict[str, Any]:
    """A test as exports have it."""
    cells = {name: getattr(row, name, None) for name in COLUMNS}
    told = {
        "project": row.project.name,
        "component": row.component.name if row.component else "",
        "owner": row.owner.name,
    }
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in {**cells, **told}.items()
    }


@dataclass(frozen=True)
class History:
    """A test's latest results, newest first, and what they say together."""

    results: Sequence[TestResult]
    median: float | None
    p95: float | None
    failure_rate: float | None


def history(case: TestCase) -> History:
    """The latest `MAX_HISTORY` results, none of a fork's jobs."""
    rows = (
        case.results.filter(report__foreign=False).select_related("report").defer("report__payload")
    )
    results = list(rows.order_by("-id")[:MAX_HISTORY])
    ran = [one for one in results if one.outcome != "skipped"]
    times = [one.seconds for one in ran if one.seconds is not None and one.outcome == "passed"]
    bad = sum(one.outcome in BAD for one in ran)
    rate = round(bad / len(ran), 4) if ran else None
    return History(results, quantile(times, 0.5), quantile(times, 0.95), rate)


def quarantine_of(case: TestCase) -> Quarantine | None:
    """The quarantine that holds now."""
    rows = case.quarantines.filter(ended_at=None, ends_at__gt=timezone.now())
    return rows.select_related("owner", "created_by").first()


def comparison(actor: Actor, of: Project, commit: str) -> Comparison:
    """A commit as its reports say, as a fork's do where there are no others; or `NotVisible`."""
    rows = visible(actor, VIEW, Report.objects.filter(project=of, commit=commit))
    kinds = set(rows.order_by().values_list("foreign", "kind").distinct())
    if not kinds:
        raise NotVisible("Nobody reported anything of this commit, or you may not see it.")
    own = any(not foreign and kind != Kind.DIFF for foreign, kind in kinds)
    forks = any(foreign for foreign, _ in kinds)
    return facts.compare(of, commit, foreign=forks and not own)


def commits(actor: Actor, of: Project | None = None, limit: int = 10) -> list[Report]:
    """The newest report of each of the newest commits."""
    rows = Report.own.filter(project=of) if of else Report.own.all()
    seen = visible(actor, VIEW, rows).order_by()
    newest = seen.values("project", "commit").annotate(last=Max("pk")).order_by("-last")
    ids = [row["last"] for row in newest[:limit]]
    found = Report.objects.filter(pk__in=ids).defer("payload").select_related("project")
    return list(found.order_by("-pk"))
