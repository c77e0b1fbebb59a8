"""Reads of resource groups: who has each, and who waits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.common import keyset
from idp.common.narrowing import Narrowing
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs.models import Job, ResourceGroup
from pipelines.runs.services import grouping
from rbac.access import get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project

PAGE_SIZE = 50
MOST_JOBS = 500  # of all groups on a page
_ORDER = ("project__name", "key")
_OPEN = (*grouping.HOLDS, *grouping.READY)


@dataclass(frozen=True)
class Filters(Narrowing):
    """What the list is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""

    @property
    def condition(self) -> Q:
        found = Q(project__name=self.project) if self.project else Q()
        return found & Q(key__icontains=self.q) if self.q else found


@dataclass(frozen=True)
class Turn:
    """A group with the job that has it and those that wait, the next first."""

    group: ResourceGroup
    holder: Job | None
    waiting: Sequence[Job]
    may_change: bool = False


def groups(actor: Actor) -> QuerySet[ResourceGroup]:
    """Those of the projects whose pipelines the actor sees."""
    rows = ResourceGroup.objects.select_related("project__scope")
    return visible(actor, VIEW, rows)


def of_project(actor: Actor, name: str) -> QuerySet[ResourceGroup]:
    """Those of one project; raises `NotVisible`."""
    project = get_visible(actor, VIEW, Project.objects.select_related("scope"), name=name)
    return groups(actor).filter(project=project)


def part(
    actor: Actor, filters: Filters, *, before: str = "", after: str = ""
) -> tuple[Sequence[Turn], keyset.Part[ResourceGroup]]:
    """A page of groups by project and key, with their jobs."""
    rows = groups(actor).filter(filters.condition)
    found = keyset.part(rows, _ORDER, size=PAGE_SIZE, before=before, after=after)
    changeable = set(
        visible(
            actor, MANAGE, Project.objects.filter(pk__in={one.project_id for one in found.rows})
        ).values_list("pk", flat=True)
    )
    jobs = _jobs(found.rows)
    turns = [turn(one, jobs.get((one.project_id, one.key), ()), changeable) for one in found.rows]
    return turns, found


def turn(group: ResourceGroup, jobs: Sequence[Job], managed: Collection[int] = frozenset()) -> Turn:
    """The group with its open jobs."""
    holder = next((job for job in jobs if job.status in grouping.HOLDS), None)
    newest = group.process_mode in {"newest_first", "newest_ready_first"}
    waiting = [job for job in jobs if job.status in grouping.READY]
    waiting.sort(key=lambda job: (-job.pipeline_id if newest else job.pipeline_id, job.position))
    return Turn(group, holder, waiting, group.project_id in managed)


def _jobs(rows: Sequence[ResourceGroup]) -> Mapping[tuple[int, str], list[Job]]:
    if not rows:
        return {}
    wanted = Q(pk__in=())
    for row in rows:
        wanted |= Q(pipeline__project_id=row.project_id, resource_group=row.key)
    found: dict[tuple[int, str], list[Job]] = {}
    jobs = Job.objects.filter(wanted, status__in=_OPEN)
    for job in jobs.select_related("pipeline").defer("work").order_by("pk")[:MOST_JOBS]:
        found.setdefault((job.pipeline.project_id, job.resource_group), []).append(job)
    return found


def group(actor: Actor, project: str, key: str) -> ResourceGroup:
    """One; raises `NotVisible`."""
    return get_visible(actor, VIEW, groups(actor), project__name=project, key=key)


def managed(actor: Actor, **which: object) -> ResourceGroup:
    """One that the actor may change; `NotVisible`, or `AccessForbidden` for who only sees it."""
    row = get_visible(actor, VIEW, groups(actor), **which)
    require(actor, MANAGE, row.project.scope)
    return row


def one(actor: Actor, project: str, key: str) -> Turn:
    """One with its jobs."""
    row = group(actor, project, key)
    return turn(row, _jobs([row]).get((row.project_id, row.key), ()))
