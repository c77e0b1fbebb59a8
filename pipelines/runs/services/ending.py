"""Ends attempts: by whoever ran one, or for a runner that is gone."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction
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
MOST_TRIES, TRY_SECONDS = 4, 0.05
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


Listener = Callable[[Pipeline, Job, End], None]
_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Have `listener` told of each attempt's and trigger job's end, in its transaction."""
    _listeners.append(listener)


def finish(lease: Lease, end: End) -> None:
    """Take down how an attempt ended, once, and move its pipeline on; raises `LeaseLost`.

    A transaction that another one had to break off is begun again: nothing of it was kept.
    """
    for tried in range(MOST_TRIES):
        try:
            with transaction.atomic():
                _finish(lease, end)
        except OperationalError:
            if connection.in_atomic_block or tried == MOST_TRIES - 1:
                raise
            log.warning("the end of attempt %s is written again", lease.pk, exc_info=True)
            connection.close()
            time.sleep(TRY_SECONDS * 2**tried)
        else:
            return


def _finish(lease: Lease, end: End) -> None:
    try:
        pipeline = advancing.locked(jobs__attempts=lease.pk)
    except Pipeline.DoesNotExist:
        raise LeaseLost(f"attempt {lease.pk} is gone") from None
    attempt = leases.locked(lease)
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
    job = Job.objects.defer("work").get(pk=attempt.job_id)
    job.started_at = job.started_at or attempt.started_at
    job.finished_at, job.coverage = now, end.coverage
    job.status, job.reason, job.failure = JobStatus(end.status), end.message, end.failure
    job.allowed = False
    if end.status == Status.FAILED:
        _failed(pipeline, attempt, job, end)
    job.save(
        update_fields=[
            "status", "reason", "failure", "allowed", "coverage", "started_at", "finished_at",
        ]
    )  # fmt: skip
    move_on(pipeline, job, end)


def move_on(pipeline: Pipeline, job: Job, end: End) -> None:
    """What follows from a job's new status, which is saved; the pipeline's row is locked."""
    for listener in _listeners:
        listener(pipeline, job, end)
    if job.resource_group and job.status != JobStatus.PENDING:
        advancing.free_group(pipeline.project_id, job.resource_group)
    failed = job.status == JobStatus.FAILED and not job.allowed
    if failed and pipeline.on_job_failure == "all" and not pipeline.ended:
        cancelling.end(pipeline.jobs.all(), f"“{job.name}” failed, and auto_cancel says all.")
    advancing.advance(pipeline)
    tell(pipeline)


def _failed(pipeline: Pipeline, attempt: Attempt, job: Job, end: End) -> None:
    """Run a job again where `retry` says so, else see whether its failure is allowed."""
    stored = work.decode(job.work)
    retry = stored.work.retry
    may = not attempt.cancel and pipeline.status != Pipeline.Status.CANCELED
    if may and job.retries < retry.max and retry.covers(end.failure, end.exit_code):
        job.reason = f"{end.message}; it runs again ({job.retries + 1} of {retry.max})."
        job.status, job.finished_at, job.failure = JobStatus.PENDING, None, ""
        advancing.queue(pipeline, [job], retried=True)
    else:
        job.allowed = job.allow_failure or end.exit_code in stored.allowed_exit_codes


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
