"""Moves a pipeline on: the engine's scheduler over the rows, under the pipeline's lock.

Level-triggered: what it does follows from the rows alone, so that it may be called at any time and
any number of times.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from pipelines.downstream import calling
from pipelines.engine.problems import short
from pipelines.engine.scheduling import ACTIVE, ENDED, Node, Scheduler, Step, overall
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs import executors, work
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import grouping
from pipelines.runs.services.telling import changed, tell

log = logging.getLogger(__name__)
Status = Pipeline.Status
MOST_NAMED = 3  # failed jobs in a pipeline's reason
MOST_ASKED = 20  # jobs that are offered a free resource group
MOST_GROUPS = 200  # looked at in one round
FEW = 500  # names in one query
_NODE = ("stage_at", "when", "needs", "allow_failure")
_FACTS = ("pk", "pipeline", "name", "status", "resource_group", "image", "tags", "triggers")


def locked(**which: int) -> Pipeline:
    """The pipeline, its row locked until the transaction ends: before any row of its jobs.

    Whoever locks several begins with the newest, and locks its project (`grouping`) behind all.
    """
    rows = Pipeline.objects.select_related("project__scope")
    return rows.select_for_update(of=("self",)).get(**which)


def advance(pipeline: Pipeline) -> None:
    """Begin what may begin, and say how the pipeline is; its row has to be locked."""
    rows = list(pipeline.jobs.order_by("position").values_list("name", "status", "allowed", *_NODE))
    found = {status for _, status, *_ in rows}
    if pipeline.status == Status.RUNNING and found & ACTIVE and JobStatus.CREATED not in found:
        return  # something runs, and nothing is left to begin
    nodes = [
        Node(name, stage, when, None if needs is None else tuple(needs), allow)
        for name, _, _, stage, when, needs, allow in rows
    ]
    statuses = {name: JobStatus(status) for name, status, *_ in rows}
    allowed = frozenset(name for name, _, is_allowed, *_ in rows if is_allowed)
    scheduler = Scheduler(nodes, statuses, allowed)
    steps = scheduler.advance() if pipeline.status != Status.CANCELED else []
    if steps:
        statuses |= _apply(pipeline, steps)
    failed = {name for name, status in statuses.items() if status is JobStatus.FAILED}
    broken = [name for name in statuses if name in failed - allowed]
    _settle(pipeline, overall(nodes, statuses, allowed), broken)


def _apply(pipeline: Pipeline, steps: Iterable[Step]) -> dict[str, JobStatus]:
    """Make the scheduler's steps; the statuses that came of them."""
    becomes = {step.name: step for step in steps}
    rows = pipeline.jobs.filter(name__in=becomes) if len(becomes) < FEW else pipeline.jobs.all()
    found = rows.order_by("position").only(*_FACTS)
    changed = [job for job in found if job.name in becomes]
    for job in changed:
        job.status, job.reason = becomes[job.name].status, becomes[job.name].reason
    _delay([job for job in changed if job.status == JobStatus.SCHEDULED])
    queue(pipeline, [job for job in changed if job.status == JobStatus.PENDING])
    Job.objects.bulk_update(changed, ["status", "reason", "start_at"], batch_size=500)
    return {job.name: JobStatus(job.status) for job in changed}


def _delay(jobs: list[Job]) -> None:
    """Set when delayed jobs begin."""
    now, of = timezone.now(), {job.pk: job for job in jobs}
    rows = Job.objects.filter(pk__in=of).values_list("pk", "work") if of else ()
    for pk, text in rows:
        seconds = work.decode(text).work.start_in_seconds or 0
        of[pk].start_at = now + timedelta(seconds=seconds)


def queue(pipeline: Pipeline, jobs: list[Job], *, retried: bool = False) -> None:
    """Give jobs an attempt each, or have them wait their turn; the caller saves their status."""
    ready: list[Job] = []
    there = executors.of(pipeline.project) if jobs else []
    groups: Mapping[str, str] = {}
    if any(job.resource_group for job in jobs):
        grouping.lock(pipeline.project_id)
        groups = grouping.modes(pipeline.project_id, (job.resource_group for job in jobs))
    for job in jobs:
        reason = _held(pipeline, job, ready, groups)
        if reason:
            job.status, job.reason = JobStatus.WAITING_FOR_RESOURCE, reason
        else:
            job.status = JobStatus.PENDING
            ready.append(job)
            if job.triggers:
                continue
            job.reason = executors.why_none(job, pipeline.project, there) or job.reason
    numbers = dict(Job.objects.filter(pk__in=[job.pk for job in ready]).values_list("pk", "runs"))
    Attempt.objects.bulk_create(
        [
            Attempt(job=job, project_id=pipeline.project_id, number=numbers[job.pk] + 1)
            for job in ready
            if not job.triggers
        ],
        batch_size=500,
    )
    calling.trigger(job.pk for job in ready if job.triggers)
    again = {"retries": F("retries") + 1} if retried else {}
    Job.objects.filter(pk__in=numbers).update(runs=F("runs") + 1, **again)


def _held(pipeline: Pipeline, job: Job, ready: list[Job], groups: Mapping[str, str]) -> str:
    """Why a job has to wait for its resource group; empty where it has its turn."""
    key = job.resource_group
    if not key:
        return ""
    for other in ready:
        if other.resource_group == key:
            return f"It waits for “{short(other.name)}” in {key}."
    holder = grouping.holder(pipeline.project_id, key, but=job.pk)
    if holder is not None:
        return _behind(holder)
    first = grouping.before(job, pipeline.project_id, groups[key])
    if first is not None:
        named = f"“{short(first.name)}” of #{first.pipeline.number}"
        return f"{named} comes before it in {key} ({groups[key]})."
    return ""


def free_group(project_id: int, group: str) -> None:
    """Whoever is next in a resource group that nobody has gets its turn."""
    grouping.lock(project_id)
    mode = grouping.modes(project_id, [group])[group]
    for job in grouping.in_order(project_id, group, mode)[:MOST_ASKED]:
        if job.status != JobStatus.WAITING_FOR_RESOURCE:
            return  # with an order, one that is still to come is waited for
        if grouping.holder(project_id, group) is not None:
            return
        # Whoever changes that pipeline holds its lock, and may wait for ours: nobody waits for it
        # here, and the next round (`free_groups`) sees what came of it.
        waiting = Job.objects.filter(pk=job.pk, status=JobStatus.WAITING_FOR_RESOURCE)
        if waiting.select_for_update(skip_locked=True).first() is None:
            return
        waiting.update(status=JobStatus.PENDING)
        job.reason = "It has its turn."
        queue(job.pipeline, [job])
        job.save(update_fields=["status", "reason"])  # as the queue found it
        _say_behind(project_id, job)
        tell(job.pipeline)
        return


def _say_behind(project_id: int, first: Job) -> None:
    """Have those that still wait say behind whom; rows that somebody else holds are left out."""
    rows = grouping.jobs_of(project_id, first.resource_group).filter(
        status=JobStatus.WAITING_FOR_RESOURCE
    )
    free = rows.exclude(pk=first.pk).select_for_update(skip_locked=True, of=("self",))
    behind = list(free.order_by("pk").values_list("pk", flat=True)[:MOST_GROUPS])
    Job.objects.filter(pk__in=behind).update(reason=_behind(first))


def _behind(holder: Job) -> str:
    named = f"“{short(holder.name)}” of #{holder.pipeline.number}"
    return f"It waits for {named} in {holder.resource_group}."


def free_groups() -> int:
    """Give the groups away that nobody has though somebody waits; how many.

    With an order that happens whenever a job that was waited for is skipped or cancelled.
    """
    rows = Job.objects.filter(status=JobStatus.WAITING_FOR_RESOURCE)
    wanted = rows.order_by().values_list("pipeline__project_id", "resource_group").distinct()
    freed = 0
    for project_id, key in wanted[:MOST_GROUPS]:
        if grouping.holder(project_id, key) is None:
            try:
                with transaction.atomic():
                    free_group(project_id, key)
            except Exception:  # one group's fault is not the others'
                log.exception("nobody got the resource group %s of project %s", key, project_id)
                continue
            freed += 1
    return freed


def _settle(pipeline: Pipeline, status: JobStatus, broken: list[str]) -> None:
    """Set the pipeline's status by its jobs'; one that was cancelled stays so."""
    ended = status not in ACTIVE
    if pipeline.status == Status.CANCELED:
        status = JobStatus.CANCELED
    elif status is JobStatus.CREATED or status in ACTIVE:
        status = JobStatus.RUNNING
    ended = ended and status in ENDED
    if pipeline.status == status and bool(pipeline.finished_at) == ended:
        return
    pipeline.status = status
    pipeline.finished_at = timezone.now() if ended else None
    if status is not JobStatus.CANCELED:
        named = ", ".join(f"“{short(name)}”" for name in broken[:MOST_NAMED])
        pipeline.reason = f"{named} failed." if status is JobStatus.FAILED else ""
    pipeline.save(update_fields=["status", "finished_at", "reason"])
    changed(pipeline)
