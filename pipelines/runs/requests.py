"""Merge requests at git hosts: what a pipeline of one is for, and the variables that say so."""

from __future__ import annotations

from gitops.models import HostedMergeRequest
from pipelines.runs.models import Pipeline

MAX_DESCRIPTION = 2700  # of CI_MERGE_REQUEST_DESCRIPTION, as published
MAX_OPEN = 4  # of CI_OPEN_MERGE_REQUESTS, as published
State = HostedMergeRequest.State


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
        "PROJECT_PATH": request.repository.path,
        "PROJECT_URL": request.repository.url,
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
    hosted = pipeline.hosted
    if hosted is None or pipeline.is_tag:
        return ""
    rows = hosted.merge_requests.filter(source_branch=pipeline.ref, fork=False, state=State.OPEN)
    numbers = rows.order_by("number").values_list("number", flat=True)[:MAX_OPEN]
    return ",".join(f"{hosted.path}!{number}" for number in numbers)


def _flag(value: bool) -> str:
    return "true" if value else "false"
