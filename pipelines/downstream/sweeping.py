"""Ends children whose parent was cancelled, and finds again what a lost message left undone."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q

from idp.common import jobs
from pipelines.downstream import calling
from pipelines.downstream.models import Downstream
from pipelines.engine.scheduling import ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import advancing, cancelling

EVERY_SECONDS = 5.0
MOST = 200
Status = Pipeline.Status


def cancel(downstream_id: int) -> None:
    """End a child that is to be ended; one that is over stays as it is."""
    rows = Downstream.objects.filter(pk=downstream_id).exclude(cancel="")
    found = rows.values_list("pipeline_id", "cancel").first()
    if found is None:
        return
    with transaction.atomic():
        pipeline = advancing.locked(pk=found[0])
        if not rows.update(cancel=""):
            return
        if not pipeline.ended:
            cancelling.cancel(pipeline, found[1])


def sweep() -> int:
    """Have workers look again; at how many rows."""
    waiting = Job.objects.filter(triggers=True, status=JobStatus.PENDING)
    for pk in (found := list(waiting.order_by("pk").values_list("pk", flat=True)[:MOST])):
        jobs.enqueue(calling.TRIGGER, job_id=pk)
    untold = _untold()
    for pk in untold:
        jobs.enqueue(calling.MIRROR, pipeline_id=pk)
    marked = list(
        Downstream.objects.exclude(cancel="").order_by("pk").values_list("pk", flat=True)[:MOST]
    )
    for pk in marked:
        jobs.enqueue(calling.CANCEL, downstream_id=pk)
    return len(found) + len(untold) + len(marked)


def _untold() -> list[int]:
    """Pipelines whose job does not know their status."""
    rows = Downstream.objects.filter(run=F("job__runs")).exclude(seen=F("pipeline__status"))
    begun = Q(job__triggers=True, job__status=JobStatus.RUNNING)
    begun &= ~Q(pipeline__status=Status.CREATED)
    again = Q(job__status__in=ENDED, waits=True, seen__in=Pipeline.ENDED)
    again &= Q(pipeline__status__in=[Status.RUNNING, Status.MANUAL, Status.SCHEDULED])
    again &= Q(pipeline__source__in=Pipeline.TRIGGERED)
    found: dict[int, None] = {}
    for condition in (begun, again):
        ids = rows.filter(condition).order_by("pk").values_list("pipeline_id", flat=True)
        found |= dict.fromkeys(ids[:MOST])
    return list(found)
