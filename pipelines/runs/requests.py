"""Merge requests at git hosts: what a pipeline of one is for, and the variables that say so."""

from __future__ import annotations

from gitops.models import HostedMergeRequest
from pipelines.runs.models import Pipeline

MAX_DESCRIPTION = 2700  # of CI_MERGE_REQUEST_DESCRIPTION, as published
MAX_OPEN = 4  # of CI_OPEN_MERGE_REQUESTS, as published
State = HostedMergeRequest.State
_MERGEABLE = frozenset({Pipeline.Status.SUCCESS, Pipeline.Status.SKIPPED, Pipeline.Status.MANUAL})


def facts(pipeline: Pipeline) -> dict[str, str]:
    """The `CI_MERGE_REQUEST_*` of a pipeline; empty for any other.

    https://docs.gitlab.com/ci/variables/predefined_variables/#predefined-variables-for-merge-request-pipelines
    """
    request = pipeline.merge_request
    if request is None:
        return {}
    merged = pipeline.head_sha not in {"", pipeline.sha}
    target_protected = request.target_branch == pipeline.default_branch
    found = {
        "ID": str(request.pk),
        "IID": str(request.number),
        "PROJECT_ID": str(pipeline.project_id),
        "PROJECT_PATH": request.path,
        "PROJECT_URL": request.repository.url if request.repository else "",
        "REF_PATH": f"refs/merge-requests/{request.number}/{'merge' if merged else 'head'}",
        "TITLE": request.title,
        "DESCRIPTION": request.description[:MAX_DESCRIPTION],
        "DESCRIPTION_IS_TRUNCATED": _flag(len(request.description) > MAX_DESCRIPTION),
        "DRAFT": _flag(request.draft),
        "LABELS": ",".join(request.labels),
        "SOURCE_BRANCH_NAME": request.source_branch,
        "SOURCE_BRANCH_PROTECTED": "false",
        "SOURCE_BRANCH_SHA": pipeline.head_sha if merged else "",
        "SOURCE_PROJECT_PATH": request.source_repository,
        "TARGET_BRANCH_NAME": request.target_branch,
        "TARGET_BRANCH_PROTECTED": _flag(target_protected),
        "TARGET_BRANCH_SHA": pipeline.before_sha if merged else "",
        "DIFF_BASE_SHA": pipeline.before_sha,
        "SQUASH_ON_MERGE": "false",
        "EVENT_TYPE": "merged_result" if merged else "detached",
    }
    return {f"CI_MERGE_REQUEST_{name}": text for name, text in found.items()}


def open_for(pipeline: Pipeline) -> str:
    """The open merge requests of the pipeline's branch, as CI_OPEN_MERGE_REQUESTS has them."""
    if pipeline.is_tag:
        return ""
    hosted = pipeline.hosted
    rows = HostedMergeRequest.objects.filter(project=pipeline.project, repository=hosted)
    rows = rows.filter(source_branch=pipeline.ref, fork=False, state=State.OPEN)
    numbers = rows.order_by("number").values_list("number", flat=True)[:MAX_OPEN]
    path = hosted.path if hosted else pipeline.project.name
    return ",".join(f"{path}!{number}" for number in numbers)


def newest_of(request: HostedMergeRequest) -> Pipeline | None:
    """The newest pipeline of its head: its own, or else its branch's."""
    rows = Pipeline.objects.filter(project=request.project, hosted=request.repository)
    rows = rows.exclude(source=Pipeline.Source.PARENT)
    own = rows.filter(merge_request=request, head_sha=request.sha).order_by("-pk").first()
    if own is not None:
        return own
    of_branch = rows.filter(ref=request.source_branch, sha=request.sha, is_tag=False)
    return of_branch.order_by("-pk").first()


def against_merging(request: HostedMergeRequest) -> str:
    """Why its pipeline speaks against merging, in words; nothing where there is none."""
    pipeline = newest_of(request)
    if pipeline is None or pipeline.status in _MERGEABLE:
        return ""
    if pipeline.ended:
        return f"Pipeline #{pipeline.number} of its head failed or was cancelled; run it again."
    return f"Pipeline #{pipeline.number} of its head is not over; wait for it."


def _flag(value: bool) -> str:
    return "true" if value else "false"
