"""Makes a pipeline's plan from its commit: the engine's jobs as rows. Done by a worker."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from idp.changes import leases
from idp.common.errors import SlipwayError, TemporaryBackendError
from pipelines.downstream import artifacts, configuring
from pipelines.downstream.sources import ProjectSources
from pipelines.engine.config import FILE, load
from pipelines.engine.context import Context
from pipelines.engine.plan import Plan, PlannedJob, State, plan
from pipelines.engine.problems import ConfigError
from pipelines.engine.sources import Files
from pipelines.engine.values.artifacts import MAX_EXPOSED
from pipelines.engine.values.simple import MAX_CONFIRMATION
from pipelines.runs import commits, requests, work
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import diffs
from pipelines.runs.services.advancing import advance
from pipelines.runs.services.cancelling import end_redundant
from pipelines.runs.services.starting import TASK
from pipelines.runs.services.telling import changed
from pipelines.variables.selectors import settings_of

log = logging.getLogger(__name__)
SECONDS = 60.0
RETRY_SECONDS = 10.0
MAX_PROBLEMS = 100
MAX_TRIES = 5
MAX_PATH = 500
Status = Pipeline.Status


@dataclass(frozen=True)
class Unplannable:
    """No plan can be had, and trying again would not help."""

    reason: str


Made = Plan | ConfigError | Unplannable | str


def sweep() -> int:
    """Send pipelines again whose plan nobody makes."""
    return len(leases.sweep(Pipeline, TASK, "pipeline_id", where=Pipeline.WORKED))


def work_on(pipeline_id: int) -> None:
    """Plan one pipeline, unless somebody else does or it is planned already."""
    lease = leases.claim(Pipeline, pipeline_id, where=Pipeline.WORKED, seconds=SECONDS)
    if lease is None:
        return
    pipeline = Pipeline.objects.select_related(
        "project__scope",
        "hosted",
        "merge_request__repository",
        "merge_request__project",
        "schedule",
    ).get(pk=pipeline_id)
    try:
        with leases.Renewal(lease):
            diffs.hand_in(pipeline)
            made = _planned(pipeline)
    except TemporaryBackendError as error:
        log.warning("the plan of %s waits: %s", pipeline, error)
        leases.release(lease, wait=RETRY_SECONDS)
        return
    except SlipwayError as error:
        made = Unplannable(f"{error.message} {error.fix}".strip())
    except Exception:
        log.exception("the plan of %s was not made", pipeline)
        if pipeline.attempts < MAX_TRIES:
            leases.release(lease, wait=RETRY_SECONDS)
            return
        made = Unplannable("Slipway could not make its plan; the server's log says why.")
    try:
        with leases.fenced(lease) as row:
            if row.status == Status.CREATED:
                _keep(row, made)
    except leases.LeaseLost:
        return
    leases.release(lease)


def _planned(pipeline: Pipeline) -> Made:
    """The plan; what is wrong with the file; or, in words, why there is nothing to plan."""
    repository = commits.of_pipeline(pipeline)
    if repository is None:
        return "the project has no repository"
    files = commits.CommitFiles(repository, pipeline.sha)
    root = configuring.root(pipeline, files)
    if root is None:
        return f"the commit has no {FILE}"
    context = _context(pipeline, files, root.files)
    try:
        made = plan(load(root.data, context, root.file), context)
    except ConfigError as fault:
        return fault
    reason = artifacts.missing(pipeline, made)
    return Unplannable(reason) if reason else made


def _context(pipeline: Pipeline, commit: commits.CommitFiles, files: Files) -> Context:
    return Context(
        source=pipeline.source,
        branch="" if pipeline.is_tag else pipeline.ref,
        tag=pipeline.ref if pipeline.is_tag else "",
        sha=pipeline.sha,
        message=commits.facts(commit.repository, pipeline.sha).message,
        project=pipeline.project.name,
        changed=commits.changed(commit.repository, pipeline.before_sha, pipeline.sha),
        files=files,
        default_branch=pipeline.default_branch,
        merge_request=pipeline.of_merge_request,
        target_branch=pipeline.merge_request.target_branch if pipeline.merge_request else "",
        facts={**requests.facts(pipeline), **_of_schedule(pipeline)},
        open_merge_requests=requests.open_for(pipeline),
        settings=() if pipeline.foreign else settings_of(pipeline.project),
        protected=pipeline.is_protected,
        inputs=json.loads(pipeline.inputs) if pipeline.inputs else {},
        pipeline_variables=json.loads(pipeline.given) if pipeline.given else {},
        sources=ProjectSources(pipeline),
    )


def _of_schedule(pipeline: Pipeline) -> dict[str, str]:
    if pipeline.schedule is None:
        return {}
    return {"CI_PIPELINE_SCHEDULE_DESCRIPTION": pipeline.schedule.description}


def _keep(pipeline: Pipeline, made: Made) -> None:
    now = timezone.now()
    if isinstance(made, Unplannable):
        pipeline.status, pipeline.reason, pipeline.finished_at = Status.FAILED, made.reason, now
    elif isinstance(made, ConfigError):
        pipeline.status, pipeline.reason = Status.FAILED, str(made.problems[0])
        pipeline.problems = [str(one) for one in made.problems[:MAX_PROBLEMS]]
        pipeline.finished_at = now
    elif isinstance(made, str):
        pipeline.status, pipeline.reason, pipeline.finished_at = Status.SKIPPED, made, now
    elif made.state is not State.CREATED:
        pipeline.status, pipeline.reason, pipeline.finished_at = Status.SKIPPED, made.reason, now
        pipeline.left_out = _left_out(made)
    else:
        pipeline.status, pipeline.reason = Status.RUNNING, ""
        pipeline.name = made.name[:255]
        pipeline.stages = list(made.stages)
        pipeline.on_new_commit = made.auto_cancel.on_new_commit
        pipeline.on_job_failure = made.auto_cancel.on_job_failure
        pipeline.left_out = _left_out(made)
        pipeline.not_run = list(made.not_run)
        Job.objects.bulk_create(_rows(pipeline, made), batch_size=500)
    pipeline.save()
    if pipeline.status == Status.RUNNING:
        end_redundant(pipeline)
        advance(pipeline)
    changed(pipeline)


def _left_out(made: Plan) -> dict[str, str]:
    return {name: decision.reason for name, decision in made.left_out.items()}


def _asked(job: PlannedJob) -> str:
    """What is asked before a hand starts it; variables may have made it longer than it may be."""
    return job.manual_confirmation[:MAX_CONFIRMATION] if job.when == "manual" else ""


def _exposed(job: PlannedJob) -> dict[str, str]:
    """What `artifacts:expose_as` says, and the path to lead to where one says where."""
    artifacts = job.artifacts
    if artifacts is None or not artifacts.expose_as:
        return {}
    alone = artifacts.paths[0] if len(artifacts.paths) == 1 and not artifacts.untracked else ""
    return {"exposed_as": artifacts.expose_as[:MAX_EXPOSED], "exposed_path": alone[:MAX_PATH]}


def _rows(pipeline: Pipeline, made: Plan) -> list[Job]:
    masked = configuring.masked(pipeline)
    rows = [_row(pipeline, made, at, job, masked) for at, job in enumerate(made.jobs.values())]
    first = min((row.stage_at for row in rows), default=0)
    for row in rows:
        if row.sources is None and row.stage_at == first:
            row.sources = []  # no job is before it
    return rows


def _row(pipeline: Pipeline, made: Plan, at: int, job: PlannedJob, masked: Sequence[str]) -> Job:
    return Job(
        pipeline=pipeline,
        position=at,
        name=job.name[:400],
        written=job.job,
        stage=job.stage,
        stage_at=made.stages.index(job.stage),
        when=job.when,
        manual_confirmation=_asked(job),
        **_exposed(job),
        needs=None if job.needs is None else [edge.job for edge in job.needs],
        sources=None if job.artifacts_from is None else list(job.artifacts_from),
        allow_failure=job.allow_failure,
        interruptible=job.interruptible,
        resource_group=job.resource_group,
        environment=job.environment.name if job.environment else "",
        tags=list(job.tags),
        image=job.image.name[:500] if job.image else "",
        triggers=job.trigger is not None,
        work=work.encode(work.stored(job, masked)),
        explanation={"rule": job.decision.reason, "where": str(job.where)},
    )
