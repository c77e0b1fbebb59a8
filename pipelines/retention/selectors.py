"""Reads of how long pipelines are kept, and of which ones are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from idp.common import keyset
from idp.common.narrowing import Narrowing
from pipelines.deploys.models import Bundle, Deployment
from pipelines.downstream.models import Downstream
from pipelines.environs.models import JobEnvironment
from pipelines.permissions import MANAGE, VIEW
from pipelines.retention.models import Retention, default_days
from pipelines.runs.models import Pipeline
from rbac.access import get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project

PAGE_SIZE = 50
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Filters(Narrowing):
    """What the list is narrowed to; empty text does not narrow."""

    q: str = ""

    @property
    def condition(self) -> Q:
        return Q(name__icontains=self.q) if self.q else Q()


@dataclass(frozen=True)
class Kept:
    """A project and how long its pipelines are kept; `own` where it says so itself."""

    project: Project
    days: int | None
    own: Retention | None
    may_change: bool = False


def of(project: Project) -> Kept:
    own = getattr(project, "retention", None)
    return Kept(project, own.days if own else default_days(), own)


def part(
    actor: Actor, filters: Filters, *, before: str = "", after: str = ""
) -> tuple[list[Kept], keyset.Part[Project]]:
    """A page of the projects whose pipelines the actor sees, by name."""
    rows = _projects(actor).filter(filters.condition)
    found = keyset.part(rows, ("name",), size=PAGE_SIZE, before=before, after=after)
    pks = [one.pk for one in found.rows]
    managed = visible(actor, MANAGE, Project.objects.filter(pk__in=pks))
    changeable = set(managed.values_list("pk", flat=True))
    rows_of = [replace(of(one), may_change=one.pk in changeable) for one in found.rows]
    return rows_of, found


def one(actor: Actor, name: str) -> Kept:
    """One project's; raises `NotVisible`."""
    return of(get_visible(actor, VIEW, _projects(actor), name=name))


def managed(actor: Actor, name: str) -> Kept:
    """One that the actor may change; `NotVisible`, or `AccessForbidden` for who only sees it."""
    found = one(actor, name)
    require(actor, MANAGE, found.project.scope)
    return found


def _projects(actor: Actor) -> QuerySet[Project]:
    return visible(actor, VIEW, Project.objects.select_related("scope", "retention"))


# -- which pipelines are over ----------------------------------------------------------------------


def going(project: Project, days: int | None) -> int:
    """How many of its pipelines are over when they are kept so long; at most `MOST_COUNTED`."""
    if days is None:
        return 0
    before = timezone.now() - timedelta(days=days)
    rows = over(Q(project=project) & _ended(before))
    return len(rows.values_list("pk", flat=True)[:MOST_COUNTED])


def over_now() -> QuerySet[Pipeline]:
    """All pipelines whose time is over, as each project says."""
    now = timezone.now()
    said = dict(Retention.objects.values_list("project_id", "days"))
    default = default_days()
    wanted = Q(pk__in=())
    if default is not None:
        wanted |= ~Q(project__in=list(said)) & _ended(now - timedelta(days=default))
    for days in sorted({days for days in said.values() if days is not None}):
        those = [project for project, own in said.items() if own == days]
        wanted |= Q(project__in=those) & _ended(now - timedelta(days=days))
    return over(wanted)


def over(wanted: Q) -> QuerySet[Pipeline]:
    """Of these pipelines those that may go.

    Not the latest of a branch or tag, whatever merge requests ran of it; none whose commit or job
    a bundle, a deployment or an environment that stands names; none above one that still runs. A
    child goes after its parent.
    """
    newer = Pipeline.objects.filter(
        project=OuterRef("project"), ref=OuterRef("ref"), is_tag=OuterRef("is_tag"),
        number__gt=OuterRef("number"),
    ).exclude(source=Pipeline.Source.PARENT)  # fmt: skip
    request = Pipeline.Source.MERGE_REQUEST
    own = Exists(newer.filter(foreign=False).exclude(source=request))
    behind = Q(own) | Q(Exists(newer), source=request)
    below = Downstream.objects.filter(root=OuterRef("pk"))
    running = below.exclude(pipeline__status__in=Pipeline.ENDED)
    environments = JobEnvironment.objects.filter(
        Q(job__pipeline=OuterRef("pk")) | Q(wanted_by__pipeline=OuterRef("pk"))
    ).exclude(state=JobEnvironment.State.STOPPED, wanted="")
    parents = Downstream.objects.filter(pipeline=OuterRef("pk"), level__gt=0)
    bundles = Bundle.objects.filter(
        Q(pipeline=OuterRef("pk")) | Q(project=OuterRef("project"), sha=OuterRef("sha"))
    )
    deployments = Deployment.objects.filter(job__pipeline=OuterRef("pk"))
    rows = Pipeline.objects.filter(wanted, behind, status__in=Pipeline.ENDED)
    rows = rows.filter(~Exists(bundles), ~Exists(deployments), ~Exists(environments))
    return rows.filter(~Exists(parents), ~Exists(running))


def _ended(before: datetime) -> Q:
    return Q(finished_at__lt=before) | Q(finished_at=None, created_at__lt=before)


def left_over() -> Iterable[int]:
    """Pipelines whose removal has begun and did not end."""
    return Pipeline.objects.filter(removing=True).order_by("pk").values_list("pk", flat=True)
