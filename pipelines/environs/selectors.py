"""Reads of environments of jobs; each takes the actor who asks."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.common import keyset
from idp.common.narrowing import Narrowing
from pipelines.environs.models import JobEnvironment
from pipelines.permissions import VIEW
from pipelines.runs.models import Job
from rbac.access import get_visible, visible
from rbac.actors import Actor

PAGE_SIZE = 50
_ORDER = ("project__name", "name")


@dataclass(frozen=True)
class Filters(Narrowing):
    """What the list is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""
    state: str = ""

    @property
    def condition(self) -> Q:
        exact = {"project__name": self.project, "state": self.state}
        found = Q(**{lookup: value for lookup, value in exact.items() if value})
        return found & Q(name__icontains=self.q) if self.q else found


def environments(actor: Actor, filters: Filters = Filters()) -> QuerySet[JobEnvironment]:
    """Those of the projects whose pipelines the actor sees, unordered."""
    rows = JobEnvironment.objects.filter(filters.condition)
    rows = rows.select_related("project__scope", "job__pipeline")
    return visible(actor, VIEW, rows).defer("job__work", "job__pipeline__given")


def environment(actor: Actor, pk: int) -> JobEnvironment:
    """One; raises `NotVisible`."""
    return get_visible(actor, VIEW, environments(actor), pk=pk)


def part(
    rows: QuerySet[JobEnvironment], *, before: str = "", after: str = ""
) -> keyset.Part[JobEnvironment]:
    """A page by project and name; a cursor that is not ours counts for none."""
    return keyset.part(rows, _ORDER, size=PAGE_SIZE, before=before, after=after)


def of_job(job: Job) -> JobEnvironment | None:
    """The one that a job names, where a job has started it."""
    if not job.environment:
        return None
    rows = JobEnvironment.objects.filter(project=job.pipeline.project_id, name=job.environment)
    return rows.first()
