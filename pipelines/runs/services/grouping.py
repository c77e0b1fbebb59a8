"""Resource groups: who has one, who is next, and by which mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, When
from django.utils import timezone

from idp.common.errors import FieldError, Invalid
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs.models import Job, ResourceGroup
from rbac import audit
from rbac.access import get_visible, require
from rbac.actors import Actor
from rbac.models import Project

Mode = ResourceGroup.Mode
HOLDS = (JobStatus.PENDING, JobStatus.RUNNING)
READY = (JobStatus.WAITING_FOR_RESOURCE,)
# What still comes: with an order, a job that is ready waits for those that belong before it.
UPCOMING = (*READY, JobStatus.CREATED, JobStatus.SCHEDULED)
STRICT = frozenset({Mode.OLDEST_FIRST, Mode.NEWEST_FIRST})


def lock(project_id: int) -> None:
    """One transaction at a time gives a project's resource groups away."""
    Project.objects.select_for_update().get(pk=project_id)


def modes(project_id: int, keys: Iterable[str]) -> Mapping[str, str]:
    """The mode of each group, which is made where it is new. Call it behind `lock`."""
    wanted = sorted({key for key in keys if key})
    rows = ResourceGroup.objects.filter(project_id=project_id)
    found = dict(rows.filter(key__in=wanted).values_list("key", "process_mode"))
    new = [key for key in wanted if key not in found]
    ResourceGroup.objects.bulk_create(
        [ResourceGroup(project_id=project_id, key=key) for key in new], ignore_conflicts=True
    )
    return {**dict.fromkeys(new, str(Mode.UNORDERED)), **found}


def jobs_of(project_id: int, key: str) -> QuerySet[Job]:
    return Job.objects.filter(pipeline__project_id=project_id, resource_group=key)


def holder(project_id: int, key: str, *, but: int = 0) -> Job | None:
    """The job that has the group now."""
    rows = jobs_of(project_id, key).filter(status__in=HOLDS).exclude(pk=but)
    return rows.select_related("pipeline").order_by("pk").first()


def in_order(project_id: int, key: str, mode: str) -> QuerySet[Job]:
    """The jobs that want the group, the next first; a strict order counts those to come."""
    rows = jobs_of(project_id, key)
    rows = rows.filter(status__in=UPCOMING if mode in STRICT else READY)
    newest = mode in {Mode.NEWEST_FIRST, Mode.NEWEST_READY_FIRST}
    ready = Case(When(status__in=READY, then=0), default=1, output_field=IntegerField())
    order = ("-pipeline_id" if newest else "pipeline_id", ready, "position")
    return rows.select_related("pipeline__project__scope").order_by(*order)


def before(job: Job, project_id: int, mode: str) -> Job | None:
    """The job that belongs before one that is ready; None where it has its turn."""
    if mode not in STRICT:
        return None
    first = (
        in_order(project_id, job.resource_group, mode).exclude(pipeline_id=job.pipeline_id).first()
    )
    if first is None:
        return None
    older = first.pipeline_id < job.pipeline_id
    return first if older == (mode == Mode.OLDEST_FIRST) else None


def set_mode(actor: Actor, project: Project, key: str, mode: str) -> ResourceGroup:
    """Change who is next in a group; what has it keeps it. Needs `pipeline.manage`."""
    if mode not in Mode.values:
        message, fix = f"“{mode[:40]}” is no mode.", f"Take one of {', '.join(Mode.values)}."
        raise Invalid(message, fix=fix, errors=[FieldError("process_mode", "choice", message, fix)])
    with transaction.atomic():
        rows = ResourceGroup.objects.select_for_update().filter(project=project)
        row = get_visible(actor, VIEW, rows, key=key)
        require(actor, MANAGE, project.scope)
        was, row.process_mode, row.updated_at = row.process_mode, mode, timezone.now()
        row.save(update_fields=["process_mode", "updated_at"])
        if was != mode:
            told = {"project": project.name, "key": key}
            audit.record(
                actor,
                "resource_group.update",
                target=row,
                before={**told, "process_mode": was},
                after={**told, "process_mode": mode},
            )
    return row
