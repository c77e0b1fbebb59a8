"""Ends attempts: by whoever ran one, or for a runner that is gone."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from idp.changes import leases
from idp.changes.leases import Lease, LeaseLost
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs import work
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import advancing, cancelling
from pipelines.runs.services.telling import tell

log = logging.getLogger(__name__)
LOST = "runner_system_failure"
MOST_LOST = 100
Status = Attempt.Status


@dataclass(frozen=True)
class End:
    """How an attempt ended; `failure` is one of GitLab's reasons, empty for none."""

    status: str
    failure: str = ""
    message: str = ""
    exit_code: int | None = None
    coverage: float | None = None
    dotenv: Mapping[str, str] = field(default_factory=dict, repr=False)


def finish(lease: Lease, end: End) -> None:
    """Take down how an attempt ended, once, and move its pipeline on; raises `LeaseLost`."""
    with transaction.atomic():
        found = Attempt.objects.filter(pk=lease.pk).values_list("job__pipeline", flat=True).first()
        if found is None:
            raise LeaseLost(f"attempt {lease.pk} is gone")
        pipeline = advancing.locked(found)
        with leases.fenced(lease) as attempt:
            if attempt.status != Status.RUNNING:
                raise LeaseLost(f"attempt {lease.pk} is over")
            _end(pipeline, attempt, end)


def _end(pipeline: Pipeline, attempt: Attempt, end: End) -> None:
    now = timezone.now()
    Attempt.objects.filter(pk=attempt.pk).update(
        status=end.status,
        failure=end.failure,
        message=end.message,
        exit_code=end.exit_code,
        coverage=end.coverage,
        dotenv=json.dumps(dict(end.dotenv)) if end.dotenv else "",
        finished_at=now,
        lease_until=None,
    )
    job = Job.objects.get(pk=attempt.job_id)
    stored = work.decode(job.work)
    retry = stored.work.retry
    job.started_at = job.started_at or attempt.started_at
    job.finished_at, job.coverage = now, end.coverage
    again = (
        end.status == Status.FAILED
        and not attempt.cancel
        and pipeline.status != Pipeline.Status.CANCELED
        and job.retries < retry.max
        and retry.covers(end.failure, end.exit_code)
    )
    if again:
        job.reason = f"{end.message}; it runs again ({job.retries + 1} of {retry.max})."
        job.status, job.finished_at, job.failure = JobStatus.PENDING, None, ""
        advancing.queue(pipeline, [job], retried=True)
    else:
        job.status, job.failure = JobStatus(end.status), end.failure
        job.reason = end.message
        job.allowed = end.status == Status.FAILED and (
            job.allow_failure or end.exit_code in stored.allowed_exit_codes
        )
    job.save(
        update_fields=[
            "status", "reason", "failure", "allowed", "coverage", "started_at", "finished_at",
        ]
    )  # fmt: skip
    move_on(pipeline, job)


def move_on(pipeline: Pipeline, job: Job) -> None:
    """What follows from a job's new status, which is saved; the pipeline's row is locked."""
    if job.resource_group and job.status != JobStatus.PENDING:
        advancing.free_group(pipeline.project_id, job.resource_group)
    failed = job.status == JobStatus.FAILED and not job.allowed
    if failed and pipeline.on_job_failure == "all" and not pipeline.ended:
        cancelling.end(pipeline.jobs.all(), f"“{job.name}” failed, and auto_cancel says all.")
    advancing.advance(pipeline)
    tell(pipeline)


def end_lost() -> int:
    """End the attempts whose runner no longer renews its lease, each on its own; how many."""
    rows = Attempt.objects.filter(Q(status=Status.RUNNING), lease_until__lt=Now())
    ended = 0
    for pk in rows.order_by("pk").values_list("pk", flat=True)[:MOST_LOST]:
        try:
            ended += _end_lost(pk)
        except Exception:  # one attempt's fault is not the others'
            log.exception("the lost attempt %s was not ended; it is tried again", pk)
    return ended


def _end_lost(pk: int) -> bool:
    lease = leases.claim(Attempt, pk, where=Q(status=Status.RUNNING), seconds=30)
    if lease is None:
        return False
    message = f"its runner is gone ({lease.taken_from or 'unknown'})"
    finish(lease, End(Status.FAILED, LOST, message))
    return True
