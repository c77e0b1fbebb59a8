"""Ends pipelines and jobs before their time: asked by a person, by a new commit, by a failure.

The pipeline's row is locked by whoever calls.
"""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from pipelines.engine.scheduling import ACTIVE, ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import advancing
from pipelines.runs.services.telling import tell

Status = Pipeline.Status
MOST_REDUNDANT = 50
_NOT_BEGUN = [
    JobStatus.CREATED, JobStatus.WAITING_FOR_RESOURCE, JobStatus.MANUAL, JobStatus.SCHEDULED,
]  # fmt: skip


def cancel(pipeline: Pipeline, reason: str) -> None:
    """End a pipeline: what runs is asked to end, nothing else begins."""
    pipeline.status, pipeline.reason = Status.CANCELED, reason
    end(pipeline.jobs.all(), reason)
    if not pipeline.jobs.filter(status__in=ACTIVE).exists():
        pipeline.finished_at = timezone.now()
    pipeline.save(update_fields=["status", "reason", "finished_at"])
    tell(pipeline)


def end(jobs: QuerySet[Job], reason: str) -> None:
    """End jobs: those that run are asked to, the others end now."""
    now = timezone.now()
    ended = {"status": JobStatus.CANCELED, "reason": reason, "finished_at": now}
    ids = list(jobs.exclude(status__in=ENDED).values_list("pk", flat=True))
    Job.objects.filter(pk__in=ids, status__in=_NOT_BEGUN).update(**ended)
    open_ = Attempt.objects.filter(job__in=ids)
    for pk, job in open_.filter(status=Attempt.Status.PENDING).values_list("pk", "job_id"):
        rows = Attempt.objects.filter(pk=pk, status=Attempt.Status.PENDING)
        if rows.update(status=Attempt.Status.CANCELED, message=reason, finished_at=now):
            Job.objects.filter(pk=job).update(**ended)
    open_.filter(status=Attempt.Status.RUNNING).update(cancel=True)


def end_redundant(newer: Pipeline) -> None:
    """A new commit came to a branch: end what is older there, as each file says it may be.

    https://docs.gitlab.com/ci/yaml/#workflowauto_cancelon_new_commit
    """
    if newer.is_tag or newer.source not in {Pipeline.Source.PUSH, Pipeline.Source.MERGE_REQUEST}:
        return
    rows = Pipeline.objects.filter(
        project_id=newer.project_id, ref=newer.ref, is_tag=False, source=newer.source,
        merge_request_id=newer.merge_request_id, pk__lt=newer.pk,
    ).exclude(status__in=Pipeline.ENDED)  # fmt: skip
    pks = list(rows.order_by("-pk").values_list("pk", flat=True)[:MOST_REDUNDANT])
    for pk in pks:
        older = advancing.locked(pk)
        if not older.ended and older.sha != newer.sha:
            _end_redundant(older, f"#{newer.number} is newer on {newer.ref}.")


def _end_redundant(older: Pipeline, reason: str) -> None:
    if older.on_new_commit == "interruptible":
        end(older.jobs.filter(interruptible=True), reason)
        advancing.advance(older)
        tell(older)
    elif older.on_new_commit == "conservative":
        begun = older.jobs.filter(interruptible=False, started_at__isnull=False)
        if not begun.exists():
            cancel(older, reason)
