"""Which attempt a runner takes next: fair between projects, one runner each."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from idp.changes import leases
from idp.changes.leases import Lease
from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs.models import Attempt, Job, Pipeline
from pipelines.runs.services.telling import tell

SECONDS = 15.0
LOOK_AGAIN_SECONDS = 0.5
_LOOKED_AT = 500
Status = Attempt.Status
_PENDING = Q(status=Status.PENDING, cancel=False)


@dataclass(frozen=True)
class Taken:
    """An attempt that is this runner's until its lease runs out."""

    lease: Lease
    attempt: Attempt


@dataclass(frozen=True)
class Reach:
    """What a runner may take: jobs whose tags it has, of these projects' names, or all.

    `images`: also jobs that ask for a container, which it has or does without; `without_image`:
    also those that ask for none.
    """

    tags: frozenset[str] = frozenset()
    projects: frozenset[str] | None = None
    images: bool = True
    without_image: bool = True


def take(
    count: int, *, name: str = "", reach: Reach = Reach(), agent: int | None = None
) -> list[Taken]:
    """At most `count` attempts, the projects with the fewest running ones first."""
    return _taken(in_turn(reach), count, name, agent)


def _taken(turns: Iterable[int], count: int, name: str, agent: int | None = None) -> list[Taken]:
    """Of the attempts whose turn it is, as many as are wanted and still wait."""
    tried = (take_one(pk, name, agent) for pk in islice(turns, _LOOKED_AT))
    return list(islice((one for one in tried if one is not None), count))


class Turns:
    """Whose turn it is, looked up now and then: the threads of one runner take from one queue."""

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._old_at = 0.0
        self._lock = threading.Lock()

    def take(self, count: int, *, name: str, reach: Reach) -> list[Taken]:
        """As `take`; a new attempt may wait for `LOOK_AGAIN_SECONDS` for its turn."""
        return _taken(iter(lambda: self._next(reach), None), count, name)

    def _next(self, reach: Reach) -> int | None:
        with self._lock:
            if not self._waiting or time.monotonic() > self._old_at:
                self._waiting = deque(in_turn(reach))
                self._old_at = time.monotonic() + LOOK_AGAIN_SECONDS
            return self._waiting.popleft() if self._waiting else None


def in_turn(reach: Reach) -> list[int]:
    """The attempts that wait and may be taken, in the order of their turn."""
    rows = Attempt.objects.filter(status=Status.PENDING, cancel=False).order_by("pk")
    if reach.projects is not None:
        rows = rows.filter(project__name__in=reach.projects)
    if not reach.images:
        rows = rows.filter(job__image="")
    if not reach.without_image:
        rows = rows.exclude(job__image="")
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for pk, project, wanted in rows.values_list("pk", "project_id", "job__tags")[:_LOOKED_AT]:
        if frozenset(wanted) <= reach.tags:
            waiting[project].append(pk)
    if len(waiting) <= 1:
        return [pk for queue in waiting.values() for pk in queue]
    running = Counter(
        Attempt.objects.filter(status=Status.RUNNING).values_list("project_id", flat=True)
    )
    order: list[int] = []
    while waiting:
        project = min(waiting, key=lambda one: (running[one], one))
        order.append(waiting[project].popleft())
        running[project] += 1
        if not waiting[project]:
            del waiting[project]
    return order


def take_one(pk: int, name: str, agent: int | None = None) -> Taken | None:
    """This attempt, if it still waits."""
    rows = Attempt.objects.select_related("job__pipeline", "project__repository")
    attempt = rows.filter(_PENDING, pk=pk).first()
    if attempt is None:
        return None
    now, pipeline = timezone.now(), attempt.job.pipeline
    pipeline.project = attempt.project
    begun = {"status": Status.RUNNING, "started_at": now, "agent": agent}
    with transaction.atomic():
        lease = leases.claim(
            Attempt, pk, where=_PENDING, seconds=SECONDS, name=name, fields=begun, found=attempt
        )
        if lease is None:
            return None
        Job.objects.filter(pk=attempt.job_id).update(
            status=JobStatus.RUNNING,
            started_at=attempt.job.started_at or now,
            reason=f"It runs on {leases.shown(lease.holder)}.",
        )
        tell(pipeline)
    if pipeline.started_at is None:  # behind the attempt's lock, which comes after a pipeline's
        Pipeline.objects.filter(pk=pipeline.pk, started_at=None).update(started_at=now)
    attempt.status, attempt.started_at, attempt.agent_id = Status.RUNNING, now, agent
    attempt.lease_token, attempt.lease_holder = lease.token, lease.holder
    return Taken(lease, attempt)
