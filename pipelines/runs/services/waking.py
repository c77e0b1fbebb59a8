"""Says anew why jobs wait, when somebody who may run them came, went or changed."""

from __future__ import annotations

from pipelines.engine.scheduling import Status as JobStatus
from pipelines.runs import executors
from pipelines.runs.executors import Executor
from pipelines.runs.models import Job
from pipelines.runs.services.telling import tell
from rbac.models import Project

MOST = 200  # jobs that are told


def wake(project: Project | None = None) -> int:
    """Of jobs that wait for a runner (of one project, or of all): how many have another reason."""
    rows = Job.objects.filter(status=JobStatus.PENDING, triggers=False).select_related(
        "pipeline__project__scope"
    )
    if project is not None:
        rows = rows.filter(pipeline__project=project)
    there: dict[int, list[Executor]] = {}
    changed = {}
    for job in rows.defer("work").order_by("pk")[:MOST]:
        owner = job.pipeline.project
        if owner.pk not in there:
            there[owner.pk] = executors.of(owner)
        reason = executors.why_none(job, owner, there[owner.pk])
        if reason != job.reason and (reason or executors.is_reason(job.reason)):
            Job.objects.filter(pk=job.pk, status=JobStatus.PENDING).update(reason=reason)
            changed[job.pipeline_id] = job.pipeline
    for pipeline in changed.values():
        tell(pipeline)
    return len(changed)
