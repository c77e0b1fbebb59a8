"""Tells a trigger job what became of its pipeline: that it was made and, where it waits, its end.

Level-triggered: what it does follows from the two rows.
"""

from __future__ import annotations

from django.db import transaction

from pipelines.downstream import creating
from pipelines.downstream.models import Downstream
from pipelines.downstream.refusing import NOT_MADE
from pipelines.engine.scheduling import ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import acting, advancing
from pipelines.runs.services.telling import tell

Status = Pipeline.Status
# A pipeline that was skipped is no success to whoever waits for it.
_ENDS = {
    Status.SUCCESS: JobStatus.SUCCESS,
    Status.FAILED: JobStatus.FAILED,
    Status.SKIPPED: JobStatus.FAILED,
    Status.CANCELED: JobStatus.CANCELED,
}


def work_on(pipeline_id: int) -> None:
    """Bring the job that started a pipeline up to date with it."""
    found = Downstream.objects.filter(pipeline=pipeline_id).values_list("job__pipeline").first()
    if found is None:
        return
    with transaction.atomic():
        upstream = advancing.locked(pk=found[0])
        rows = Downstream.objects.select_related("job", "pipeline__project").defer("job__work")
        link = rows.get(pipeline=pipeline_id)
        job, status = link.job, Status(link.pipeline.status)
        if link.run != job.runs or status in {Status.CREATED, link.seen}:
            return
        seen, link.seen = link.seen, status
        if job.status == JobStatus.RUNNING:
            _mirror(upstream, link)
        elif JobStatus(job.status) in ENDED and _again(link, seen):
            _reopen(upstream, job, _named(link))
        link.save(update_fields=["seen"])
        tell(upstream)  # its page shows the pipeline's status, whether the job waits or not


def _named(link: Downstream) -> str:
    """What the job says of its pipeline; numbers of other projects are for those who see them."""
    pipeline = link.pipeline
    if pipeline.source == Pipeline.Source.PARENT:
        return f"#{pipeline.number}"
    return f"a pipeline of {pipeline.project.name}"


def _mirror(upstream: Pipeline, link: Downstream) -> None:
    job, pipeline, named = link.job, link.pipeline, _named(link)
    status = Status(pipeline.status)
    if status in {Status.FAILED, Status.SKIPPED} and not pipeline.jobs.exists():
        own = pipeline.source == Pipeline.Source.PARENT
        why = pipeline.reason if own else "its own page says why."
        creating.end(upstream, job, JobStatus.FAILED, f"No job of {named} began: {why}", NOT_MADE)
    elif not link.waits:
        creating.end(upstream, job, JobStatus.SUCCESS, f"It started {named}.")
    elif status in _ENDS:
        said = f"It waited for {named}: {pipeline.get_status_display().lower()}."
        creating.end(upstream, job, _ENDS[status], said)
    else:
        said = pipeline.get_status_display().lower()
        job.reason = f"It waits for {named}, which is {said}."
        job.save(update_fields=["reason"])


def _again(link: Downstream, seen: str) -> bool:
    """Whether jobs of a pipeline run again whose end the job took over."""
    return link.waits and seen in Pipeline.ENDED and link.pipeline.status not in Pipeline.ENDED


def _reopen(upstream: Pipeline, job: Job, named: str) -> None:
    job.status, job.reason = JobStatus.RUNNING, f"It waits for {named}, which runs again."
    job.failure, job.allowed, job.finished_at = "", False, None
    job.save(update_fields=["status", "reason", "failure", "allowed", "finished_at"])
    acting.reset_behind(upstream, [job])
    acting.reopen(upstream)
