"""What each job of a pipeline waits for, in words; and the chain of jobs that took the longest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from pipelines.engine.scheduling import ENDED
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs import executors
from pipelines.runs.models import Job

NAMED = 3


class Before:
    """Which jobs stand before which: those that it needs, else all of earlier stages."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.by_name = {job.name: job for job in jobs}
        self.first_stage = min((job.stage_at for job in jobs), default=0)
        self._open: dict[int, list[Job]] = defaultdict(list)
        self._last: dict[int, Job] = {}
        for job in jobs:
            if JobStatus(job.status) not in ENDED:
                self._open[job.stage_at].append(job)
            there = self._last.get(job.stage_at)
            if job.started_at and (there is None or _end(job) > _end(there)):
                self._last[job.stage_at] = job

    def unfinished(self, job: Job) -> tuple[list[Job], int]:
        """The first few jobs that it still waits for, and how many there are."""
        if job.needs is None:
            behind = [one for at, there in self._open.items() if at < job.stage_at for one in there]
        else:
            needed = (self.by_name.get(name) for name in job.needs)
            behind = [one for one in needed if one and JobStatus(one.status) not in ENDED]
        return behind[:NAMED], len(behind)

    def last(self, job: Job) -> Job | None:
        """Of the jobs before it that began, the one that ended last."""
        if job.needs is None:
            found = [one for at, one in self._last.items() if at < job.stage_at]
        else:
            needed = (self.by_name.get(name) for name in job.needs)
            found = [one for one in needed if one and one.started_at]
        return max(found, key=_end, default=None)


def _end(job: Job) -> datetime:
    return job.finished_at or timezone.now()


def critical(jobs: Sequence[Job], before: Before) -> frozenset[str]:
    """The jobs that decided how long the pipeline took: back from the one that ended last."""
    begun = [job for job in jobs if job.started_at]
    at = max(begun, key=_end, default=None)
    found: dict[str, None] = {}
    while at is not None and at.name not in found:
        found[at.name] = None
        at = before.last(at)
    return frozenset(found) if len(found) > 1 else frozenset()


def words(job: Job, before: Before) -> str:
    """What a job waits for; empty for one that runs or is over."""
    status = JobStatus(job.status)
    if status is JobStatus.CREATED:
        few, count = before.unfinished(job)
        if not count:
            return "It is decided next."
        names = ", ".join(one.name for one in few)
        more = f" and {count - len(few)} more" if count > len(few) else ""
        return f"Waits for {names}{more}."
    if status is JobStatus.PENDING:
        tags = f" with the tags {', '.join(job.tags)}" if job.tags else ""
        stuck = f" {job.reason}" if executors.is_stuck(job.reason) else ""
        said = f"Waits for a runner{tags}.{stuck}"
        return "Its pipeline is made next." if job.triggers else said
    if status is JobStatus.MANUAL:
        held = "" if job.allow_failure else " What follows waits for it."
        return f"Somebody has to start it.{held}"
    if status in {JobStatus.WAITING_FOR_RESOURCE, JobStatus.SCHEDULED}:
        return job.reason
    return ""
