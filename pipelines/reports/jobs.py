"""What a job may hand in by its token: reports of its own commit, under its own names."""

from __future__ import annotations

from idp.common.errors import FieldError, Invalid
from pipelines.deploys.identity import job_of
from pipelines.reports.models import MAX_JOB, Report
from pipelines.runs.models import Job, Pipeline
from rbac.actors import Actor


def keep_apart(actor: Actor, row: Report, target: str) -> None:
    """Judge what a job says its report is about, and put in what it leaves out.

    `Invalid` names each field that is another job's; nothing happens for whoever is no job.
    """
    job = job_of(actor)
    if job is None:
        return
    if not target:
        row.target = _target(job.pipeline)
    row.job = row.job or job.name[:MAX_JOB]
    if errors := _errors(job, row):
        raise Invalid.of(errors)


def _target(pipeline: Pipeline) -> str:
    request = pipeline.merge_request
    return request.target_branch if request else pipeline.default_branch


def _errors(job: Job, row: Report) -> list[FieldError]:
    pipeline = job.pipeline
    found = []
    if row.project_id != pipeline.project_id:
        message = f"The token is of a job of {pipeline.project.name}."
        found.append(("project", message, "$CI_PROJECT_NAME"))
    if row.commit != pipeline.sha:
        message = f"The token is of a job of {pipeline.sha[:8]}: it hands in reports of that."
        found.append(("commit", message, "$CI_COMMIT_SHA"))
    if row.ref != pipeline.ref:
        message = f"The token is of a job of {pipeline.ref[:80]}: it hands in reports of that."
        found.append(("ref", message, "$CI_COMMIT_REF_NAME"))
    elif row.on_target and not pipeline.is_protected:
        message = "What other commits are compared with is reported by the default branch alone."
        found.append(("target", message, f"Name {_target(pipeline)[:80]}, or no target."))
    return [FieldError(field, "own", message, fix) for field, message, fix in found]
