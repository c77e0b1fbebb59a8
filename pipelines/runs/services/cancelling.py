"""Ends pipelines and jobs before their time: asked by a person, by a new commit, by a failure.

The pipeline's row is locked by whoever calls.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from pipelines.downstream import calling
from pipelines.engine.scheduling import ACTIVE, ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services import advancing
from pipelines.runs.services.telling import changed, tell

Status = Pipeline.Status
MOST_REDUNDANT = 50
_NOT_BEGUN = [
    JobStatus.CREATED, JobStatus.WAITING_FOR_RESOURCE, JobStatus.MANUAL, JobStatus.SCHEDULED,
]  # fmt: skip
_TRIGGERING = [JobStatus.PENDING, JobStatus.RUNNING]  # of a job that no runner has


def cancel(pipeline: Pipeline, reason: str, *, children: bool = True) -> None:
    """End a pipeline: what runs is asked to end, nothing else begins.

    Its child pipelines are ended with it; those of other projects go on, as GitLab's do.
    """
    pipeline.status, pipeline.reason = Status.CANCELED, reason
    end(pipeline.jobs.all(), reason, children=False)
    if children:
        calling.cancel(pipeline.jobs.all(), reason)
    if not pipeline.jobs.filter(status__in=ACTIVE).exists():
        pipeline.finished_at = timezone.now()
    pipeline.save(update_fields=["status", "reason", "finished_at"])
    changed(pipeline)


def end(jobs: QuerySet[Job], reason: str, *, children: bool = True) -> None:
    """End jobs: those that run are asked to, the others now, with the children they wait for."""
    now = timezone.now()
    ended = {"status": JobStatus.CANCELED, "reason": reason, "finished_at": now}
    ids = list(jobs.exclude(status__in=ENDED).values_list("pk", flat=True))
    Job.objects.filter(pk__in=ids, status__in=_NOT_BEGUN).update(**ended)
    triggers = Job.objects.filter(pk__in=ids, triggers=True)
    if children:
        calling.cancel(triggers, reason, waits=True)
    triggers.filter(status__in=_TRIGGERING).update(**ended)
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
    there = Pipeline.objects.filter(project_id=newer.project_id, ref=newer.ref, is_tag=False)
    rows = there.filter(
        source=newer.source, merge_request_id=newer.merge_request_id, pk__lt=newer.pk
    )
    below = Q(source=Pipeline.Source.PARENT, upstream__root__in=rows)
    open_ = there.filter(Q(pk__in=rows) | below).exclude(status__in=Pipeline.ENDED)
    pks = list(open_.order_by("-pk").values_list("pk", flat=True)[:MOST_REDUNDANT])
    every = [advancing.locked(pk=pk) for pk in pks]
    for older in every:
        if not older.ended and older.sha != newer.sha:
            _end_redundant(older, f"#{newer.number} is newer on {newer.ref}.")


def _end_redundant(older: Pipeline, reason: str) -> None:
    if older.on_new_commit == "interruptible":
        end(older.jobs.filter(interruptible=True), reason, children=False)
        advancing.advance(older)
        tell(older)
    elif older.on_new_commit == "conservative":
        begun = older.jobs.filter(interruptible=False, started_at__isnull=False)
        if not begun.exists():
            cancel(older, reason, children=False)  # each is judged by what its own file says
