"""Makes the pipeline of a trigger job: once for each of the job's runs, whoever else tries.

What is wanted is read first. Then, under the locks of the job's pipeline and of the first one, the
row of the new pipeline, the link to it and the job's status are written as one.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from idp.common.errors import SlipwayError, TemporaryBackendError
from pipelines.downstream import hierarchy, wanting
from pipelines.downstream.models import Downstream
from pipelines.downstream.refusing import NOT_MADE, Refused
from pipelines.downstream.wanting import Wanted
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import advancing, ending, starting
from pipelines.runs.services.ending import End
from pipelines.runs.services.telling import tell
from rbac.actors import Actor

log = logging.getLogger(__name__)
TRIED_FOR = timedelta(minutes=10)  # while something that may come back is away


def work_on(job_id: int) -> None:
    """Make the pipeline that a job waits for, or say why there is none."""
    rows = Job.objects.select_related(
        "pipeline__project__scope",
        "pipeline__hosted",
        "pipeline__merge_request__repository",
        "pipeline__actor",
        "pipeline__token",
    )
    job = rows.filter(pk=job_id, triggers=True, status=JobStatus.PENDING).first()
    if job is None:
        return
    try:
        _make(job, wanting.wanted(job))
    except Refused as refused:
        _fail(job, refused.failure, wanting.told(job, str(refused)))
    except TemporaryBackendError as error:
        _later(job, wanting.told(job, error.message))
    except SlipwayError as error:
        _fail(job, NOT_MADE, wanting.told(job, f"{error.message} {error.fix}".strip()))
    except Exception:
        log.exception("the pipeline of %s was not made", job)
        _later(job, "Slipway could not make its pipeline; the server's log says why.")


def _make(seen: Job, wanted: Wanted) -> None:
    with transaction.atomic():
        upstream = advancing.locked(pk=seen.pipeline_id)
        advancing.locked(pk=wanted.root)
        job = _still(seen)
        if job is None:
            return
        hierarchy.judge_size(wanted.root)
        starting.lock(wanted.project)
        asked = starting.Asked(
            ref=wanted.at.ref,
            source=wanted.source,
            given=wanted.given,
            inputs=wanted.inputs,
        )
        actor = Actor(seen.pipeline.actor, seen.pipeline.token)
        pipeline = starting.begin(actor, wanted.project, asked, wanted.at)
        kept: dict[str, Any] = {"made": wanted.made, "secrets": wanted.secrets}
        Downstream.objects.create(
            job=job,
            run=job.runs,
            pipeline=pipeline,
            root_id=wanted.root,
            level=wanted.level,
            waits=wanted.trigger.waits,
            trigger=wanting.as_data(wanted.trigger),
            **kept,
        )
        job.status, job.started_at = JobStatus.RUNNING, timezone.now()
        job.reason = "Its pipeline is made."
        job.save(update_fields=["status", "started_at", "reason"])
        if upstream.started_at is None:
            Pipeline.objects.filter(pk=upstream.pk).update(started_at=job.started_at)
        tell(upstream)


def _still(seen: Job) -> Job | None:
    """The job as it is now, where it still waits for the pipeline of the same run."""
    job = Job.objects.defer("work").get(pk=seen.pk)
    return job if (job.status, job.runs) == (JobStatus.PENDING, seen.runs) else None


def _fail(seen: Job, failure: str, message: str) -> None:
    with transaction.atomic():
        upstream = advancing.locked(pk=seen.pipeline_id)
        job = _still(seen)
        if job is not None:
            end(upstream, job, JobStatus.FAILED, message, failure)


def _later(seen: Job, message: str) -> None:
    """The job waits for another try, unless there were enough."""
    log.warning("the pipeline of %s waits: %s", seen, message)
    began = seen.started_at or timezone.now()
    if timezone.now() - began > TRIED_FOR:
        _fail(seen, NOT_MADE, message)
        return
    rows = Job.objects.filter(pk=seen.pk, status=JobStatus.PENDING, runs=seen.runs)
    rows.update(started_at=began, reason=message)


def end(upstream: Pipeline, job: Job, status: JobStatus, reason: str, failure: str = "") -> None:
    """The job is over, and what waits for it moves on; its pipeline's row is locked."""
    job.status, job.reason, job.failure = status, reason, failure
    job.finished_at = timezone.now()
    job.started_at = job.started_at or job.finished_at
    job.allowed = status is JobStatus.FAILED and job.allow_failure
    job.save(update_fields=["status", "reason", "failure", "finished_at", "started_at", "allowed"])
    ending.move_on(upstream, job, End(str(status), failure, reason))
