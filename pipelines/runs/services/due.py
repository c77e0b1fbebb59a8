"""Begins delayed jobs whose time has come."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Job
from pipelines.runs.services import advancing
from pipelines.runs.services.telling import tell

log = logging.getLogger(__name__)
MOST = 200


def begin() -> int:
    """Queue the jobs that are due, each on its own; how many."""
    rows = Job.objects.filter(status=JobStatus.SCHEDULED, start_at__lte=timezone.now())
    begun = 0
    for pk, pipeline_id in rows.order_by("start_at").values_list("pk", "pipeline_id")[:MOST]:
        try:
            begun += _begin(pk, pipeline_id)
        except Exception:  # one job's fault is not the others'
            log.exception("the delayed job %s was not begun; the next look tries again", pk)
    return begun


@transaction.atomic
def _begin(pk: int, pipeline_id: int) -> bool:
    pipeline = advancing.locked(pk=pipeline_id)
    job = Job.objects.get(pk=pk)
    if job.status != JobStatus.SCHEDULED or pipeline.ended:
        return False
    job.reason = "Its time has come."
    advancing.queue(pipeline, [job])
    job.save(update_fields=["status", "reason"])
    advancing.advance(pipeline)
    tell(pipeline)
    return True
