"""Reads of schedules: those of projects whose pipelines one sees."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.common.narrowing import Narrowing
from pipelines.permissions import MANAGE, RUN, VIEW
from pipelines.runs import selectors as runs
from pipelines.runs.models import Pipeline
from pipelines.schedules.models import Schedule
from portal.permissions import keeper_scope
from rbac.access import can, get_visible, visible
from rbac.actors import Actor

ACTIVE = {"on": True, "off": False}
MAX_PIPELINES = 10
_NEVER_BEGAN = frozenset({Pipeline.Status.FAILED, Pipeline.Status.SKIPPED})


@dataclass(frozen=True)
class Filters(Narrowing):
    """What a list of schedules is narrowed to; empty text does not narrow."""

    project: str = ""
    active: str = ""

    @property
    def condition(self) -> Q:
        found = Q(project__name=self.project) if self.project else Q()
        return found & Q(active=ACTIVE[self.active]) if self.active in ACTIVE else found


def schedules(actor: Actor, filters: Filters = Filters()) -> QuerySet[Schedule]:
    """The schedules that the actor sees and the filters leave, without their variables."""
    rows = Schedule.objects.filter(filters.condition).defer(
        "variables", "last_pipeline__given", "last_pipeline__inputs"
    )
    return visible(actor, VIEW, rows).select_related(
        "project__scope", "owner", "last_pipeline__project"
    )


def schedule(actor: Actor, pk: int) -> Schedule:
    """One, variables included, which `edits` says who may read; raises `NotVisible`."""
    rows = Schedule.objects.defer("last_pipeline__given", "last_pipeline__inputs")
    found = rows.select_related("project__scope", "owner", "last_pipeline__project")
    return get_visible(actor, VIEW, found, pk=pk)


def owns(actor: Actor, schedule: Schedule) -> bool:
    return actor.user is not None and actor.user.pk == schedule.owner_id


def edits(actor: Actor, schedule: Schedule) -> bool:
    """Whether the actor may change it: its owner, while they may run, or a maintainer."""
    if owns(actor, schedule) and can(actor, RUN, keeper_scope(schedule.project)):
        return True
    return can(actor, MANAGE, schedule.project.scope)


def trouble(schedule: Schedule) -> str:
    """Why nothing ran when its time last came, in words; empty where something did.

    A pipeline whose file makes no plan began, but ran nothing, and says so itself.
    """
    last = schedule.last_pipeline
    if schedule.problem or last is None or last.started_at is not None:
        return schedule.problem
    return last.reason if last.status in _NEVER_BEGAN else ""


def pipelines(actor: Actor, schedule: Schedule) -> QuerySet[Pipeline]:
    """The newest pipelines that it began."""
    return runs.pipelines(actor).filter(schedule=schedule).order_by("-pk")[:MAX_PIPELINES]
