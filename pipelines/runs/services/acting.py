"""What people do to pipelines and jobs: cancel, start by hand, run again."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from idp.common.errors import Clash, NotVisible
from pipelines.engine.scheduling import ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.permissions import RUN
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import advancing, cancelling
from pipelines.runs.services.telling import changed, tell
from portal.permissions import keeper_scope
from rbac import audit
from rbac.access import require
from rbac.actors import Actor

Status = Pipeline.Status
_PLAYABLE = {JobStatus.MANUAL, JobStatus.SCHEDULED}


@transaction.atomic
def cancel(actor: Actor, pipeline_id: int) -> Pipeline:
    """End a pipeline: what runs is asked to end, nothing else begins. `Clash` when it is over."""
    pipeline = _permitted(actor, pipeline_id)
    if pipeline.ended:
        raise Clash(f"{pipeline} is over already: {pipeline.get_status_display()}.")
    cancelling.cancel(pipeline, f"Cancelled by {actor.label}.")
    audit.record(actor, "pipeline.cancel", target=pipeline)
    return pipeline


@transaction.atomic
def cancel_job(actor: Actor, job_id: int) -> Job:
    """End one job; what follows is decided as if it had failed. `Clash` when it is over."""
    pipeline, job = _job(actor, job_id)
    if JobStatus(job.status) in ENDED:
        raise Clash(f"{job.name} is over already: {job.get_status_display()}.")
    reason = f"Cancelled by {actor.label}."
    cancelling.end(Job.objects.filter(pk=job.pk), reason)
    audit.record(actor, "pipeline.cancel", target=pipeline, after={"job": job.name})
    _go_on(pipeline, job)
    return job


@transaction.atomic
def play(actor: Actor, job_id: int) -> Job:
    """Start a job that waits for a hand, or for its time. `Clash` for any other."""
    pipeline, job = _job(actor, job_id)
    if JobStatus(job.status) not in _PLAYABLE:
        raise Clash(f"{job.name} cannot be started: {job.get_status_display()}.")
    _queue(actor, pipeline, job, f"Started by {actor.label}.")
    audit.record(actor, "pipeline.play", target=pipeline, after={"job": job.name})
    _go_on(pipeline, job)
    return job


@transaction.atomic
def retry(actor: Actor, job_id: int) -> Job:
    """Run a job again; what was skipped behind it is decided anew. `Clash` while it runs."""
    pipeline, job = _job(actor, job_id)
    if JobStatus(job.status) not in ENDED or job.status == JobStatus.SKIPPED:
        raise Clash(f"{job.name} cannot run again: {job.get_status_display()}.")
    _queue(actor, pipeline, job, f"Run again by {actor.label}.")
    reset_behind(pipeline, [job])
    audit.record(actor, "pipeline.retry", target=pipeline, after={"job": job.name})
    _go_on(pipeline, job)
    return job


@transaction.atomic
def retry_failed(actor: Actor, pipeline_id: int) -> Pipeline:
    """Run all failed and cancelled jobs of a pipeline again. `Clash` when there is none."""
    pipeline = _permitted(actor, pipeline_id)
    broken = [JobStatus.FAILED, JobStatus.CANCELED]
    jobs = list(pipeline.jobs.filter(status__in=broken, allowed=False).order_by("position"))
    if not jobs:
        raise Clash(f"{pipeline} has no failed or cancelled job.")
    begun = [job for job in jobs if job.runs]
    fresh = [job for job in jobs if not job.runs]  # cancelled before they ever ran
    Job.objects.filter(pk__in=[job.pk for job in fresh]).update(
        status=JobStatus.CREATED, reason="", finished_at=None
    )
    for job in begun:
        _queue(actor, pipeline, job, f"Run again by {actor.label}.")
    reset_behind(pipeline, begun)
    audit.record(
        actor, "pipeline.retry", target=pipeline, after={"jobs": [job.name for job in jobs][:50]}
    )
    reopen(pipeline)
    return pipeline


def _permitted(actor: Actor, pipeline_id: int) -> Pipeline:
    pipeline = advancing.locked(pk=pipeline_id)
    require(actor, RUN, keeper_scope(pipeline.project))
    if pipeline.removing:
        raise NotVisible(f"{pipeline} is not kept any longer, and is being removed.")
    return pipeline


def _job(actor: Actor, job_id: int) -> tuple[Pipeline, Job]:
    place = Job.objects.values_list("pipeline_id", flat=True).get(pk=job_id)
    pipeline = _permitted(actor, place)
    return pipeline, Job.objects.get(pk=job_id)


def _queue(actor: Actor, pipeline: Pipeline, job: Job, reason: str) -> None:
    job.reason, job.started_by = reason, actor.label[:200]
    job.failure, job.allowed, job.coverage = "", False, None
    job.started_at = job.finished_at = job.start_at = None
    job.retries = 0
    advancing.queue(pipeline, [job])
    job.runs = Job.objects.values_list("runs", flat=True).get(pk=job.pk)
    job.save()


def reset_behind(pipeline: Pipeline, jobs: Iterable[Job]) -> None:
    """Jobs that were skipped, or cancelled unrun, behind these are decided anew."""
    rows = pipeline.jobs.order_by("stage_at", "position")
    every = list(rows.only("pk", "pipeline", "name", "stage_at", "needs"))
    needed_by: dict[str, list[Job]] = {}
    for job in every:
        for name in job.needs or ():
            needed_by.setdefault(name, []).append(job)
    least = min((job.stage_at for job in jobs), default=0)
    behind = {job.name: job for job in jobs}
    behind |= {job.name: job for job in every if job.needs is None and job.stage_at > least}
    left = list(behind)
    while left:
        for job in needed_by.get(left.pop(), ()):
            if job.name not in behind:
                behind[job.name] = job
                left.append(job.name)
    unrun = Q(status=JobStatus.SKIPPED) | Q(status=JobStatus.CANCELED, runs=0)
    Job.objects.filter(unrun, pk__in=[job.pk for job in behind.values()]).update(
        status=JobStatus.CREATED, reason="", finished_at=None
    )


def _go_on(pipeline: Pipeline, job: Job) -> None:
    reopen(pipeline)
    job.refresh_from_db()


def reopen(pipeline: Pipeline) -> None:
    """Go on with a pipeline whose jobs have another status now."""
    if pipeline.ended:
        pipeline.status, pipeline.finished_at, pipeline.reason = Status.RUNNING, None, ""
        pipeline.save(update_fields=["status", "finished_at", "reason"])
        changed(pipeline)
    advancing.advance(pipeline)
    tell(pipeline)
