"""Takes away pipelines whose time is over, in bounded steps that may be killed between any two.

1. The pipeline is marked, behind its lock, if it is still over: from then on nobody sees it, and
   nobody runs a job of it again.
2. Content of artifacts goes, each before its row; what cannot go now is left for the next run.
3. Logs, then jobs with their attempts, in parts.
4. The pipeline's own row.

A marked one that is left by a killed process is where the next run begins.
"""

from __future__ import annotations

import logging
import time
from itertools import chain

from django.db import transaction

from pipelines.retention import selectors
from pipelines.runs.models import Artifact, Job, LogChunk, Pipeline
from pipelines.runs.services import expiring

log = logging.getLogger(__name__)
EVERY_SECONDS = 600.0
MOST = 500  # pipelines in one run
SECONDS = 30.0  # for one run
_ARTIFACTS, _CHUNKS, _JOBS = 200, 500, 100  # in one step


def sweep(seconds: float = SECONDS) -> int:
    """Take away pipelines that are over; how many went."""
    ends = time.monotonic() + seconds
    left = list(selectors.left_over()[:MOST])  # type: ignore[index]  # a query set
    over = selectors.over_now().order_by("pk").values_list("pk", flat=True)
    count = 0
    for pk in chain(left, list(over[:MOST])):
        if time.monotonic() > ends:
            break
        if _mark(pk):
            count += _remove(pk, ends)
    if count:
        log.info("%s pipelines are gone, whose time was over", count)
    return count


@transaction.atomic
def _mark(pk: int) -> bool:
    """Whether the pipeline goes: it is still over, or its removal has begun before."""
    row = Pipeline.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        return False
    if not row.removing:
        if not selectors.over_now().filter(pk=pk).exists():
            return False
        Pipeline.objects.filter(pk=pk).update(removing=True)
    return True


def _remove(pk: int, ends: float) -> bool:
    """Everything of a marked pipeline; False where a part has to wait for the next run."""
    artifacts = Artifact.objects.filter(attempt__job__pipeline=pk).order_by("pk")
    while found := list(artifacts.values_list("pk", "digest")[:_ARTIFACTS]):
        if expiring.release(found) < len(found) or time.monotonic() > ends:
            return False
    chunks = LogChunk.objects.filter(attempt__job__pipeline=pk).order_by("pk")
    while rows := list(chunks.values_list("pk", flat=True)[:_CHUNKS]):
        LogChunk.objects.filter(pk__in=rows).delete()
        if time.monotonic() > ends:
            return False
    jobs = Job.objects.filter(pipeline=pk).order_by("pk")
    while rows := list(jobs.values_list("pk", flat=True)[:_JOBS]):
        Job.objects.filter(pk__in=rows).delete()
        if time.monotonic() > ends:
            return False
    Pipeline.objects.filter(pk=pk, removing=True).delete()
    return True
