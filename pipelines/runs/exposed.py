"""`artifacts:expose_as`: links to what jobs of a pipeline left, for its page and its merge request.

https://docs.gitlab.com/ci/yaml/#artifactsexpose_as
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from pipelines.runs import selectors
from pipelines.runs.models import Artifact, Job, Pipeline
from rbac.actors import Actor

ARCHIVE = "archive"
MAX_JOBS = 10  # as published
_GLOB = frozenset("*?[]{}!")


@dataclass(frozen=True)
class Exposed:
    """A link, and the job that left what it leads to."""

    name: str
    url: str
    job: Job


def of_pipeline(actor: Actor, row: Pipeline) -> list[Exposed]:
    """What the actor may open of it, in the order of the file; at most ten jobs."""
    jobs = row.jobs.exclude(exposed_as="").defer("work").order_by("position")[:MAX_JOBS]
    found = {job.pk: job for job in jobs}
    if not found:
        return []
    kept = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = Artifact.objects.filter(kept, attempt__job__in=found, kind=ARCHIVE)
    rows = rows.filter(access__in=selectors.readable(actor, row.project)).select_related("attempt")
    newest = {one.attempt.job_id: one for one in rows.order_by("attempt__number")}
    return [
        Exposed(job.exposed_as, _url(job, newest[pk].attempt.number), job)
        for pk, job in found.items()
        if pk in newest
    ]


def _url(job: Job, attempt: int) -> str:
    """One file by its path, one folder where it begins, anything else the archive's own page."""
    path, given = job.exposed_path.removeprefix("./"), {"attempt": str(attempt)}
    plain = path and not set(path) & _GLOB and "$" not in path
    if plain and not path.endswith("/") and "." in path.rpartition("/")[2]:
        place = "pipelines:artifact-file"
        given["path"] = path
    else:
        place = "pipelines:artifact"
        if plain and path.endswith("/"):
            given["folder"] = path.strip("/")
    return f"{reverse(place, args=[job.pk, ARCHIVE])}?{urlencode(given)}"
