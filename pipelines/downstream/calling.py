"""Has workers look at trigger jobs, and at pipelines that they started; all of it by name.

The rows say what is to be done, and `sweeping` finds them again where a message is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet

from idp.common import jobs
from pipelines.downstream.models import Downstream
from pipelines.runs.models import Job, Pipeline

TRIGGER = "pipelines.trigger"
MIRROR = "pipelines.mirror"
CANCEL = "pipelines.cancel-downstream"


def trigger(job_ids: Iterable[int]) -> None:
    """Have the pipelines of trigger jobs made."""
    for pk in job_ids:
        jobs.enqueue(TRIGGER, job_id=pk)


def mirror(pipeline: Pipeline) -> None:
    """Have the job that started a pipeline told of its status."""
    if pipeline.source in Pipeline.TRIGGERED:
        jobs.enqueue(MIRROR, pipeline_id=pipeline.pk)


def cancel(of: QuerySet[Job], reason: str, *, waits: bool = False) -> None:
    """Have the child pipelines that jobs started ended, or those alone that they wait for.

    Pipelines of other projects go on: whoever may cancel them there does.
    """
    rows = Downstream.objects.filter(job__in=of, pipeline__source=Pipeline.Source.PARENT)
    rows = rows.exclude(pipeline__status__in=Pipeline.ENDED)
    if waits:
        rows = rows.filter(waits=True)
    found = list(rows.values_list("pk", flat=True))
    Downstream.objects.filter(pk__in=found).update(cancel=reason)
    for pk in found:
        jobs.enqueue(CANCEL, downstream_id=pk)
