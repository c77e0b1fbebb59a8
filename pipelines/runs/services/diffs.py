"""Hands in the lines that a merge request changes, so that reports say how far tests run them.

A worker does it before it makes the plan: killed in between, it is done again with the plan.
"""

from __future__ import annotations

import io
import logging

from idp.common.errors import SlipwayError, TemporaryBackendError
from pipelines.reports.formats.registry import Kind
from pipelines.reports.services import Upload, take
from pipelines.runs import commits
from pipelines.runs.models import Pipeline
from rbac.actors import Actor

log = logging.getLogger(__name__)
MAX_DIFF = 8 * 1024 * 1024


def hand_in(pipeline: Pipeline) -> None:
    """Keep the diff of a merge request's pipeline; the same again changes nothing."""
    request = pipeline.merge_request
    if request is None or not pipeline.before_sha or pipeline.actor is None:
        return
    upload = Upload(
        commit=pipeline.sha,
        ref=pipeline.ref,
        kind=Kind.DIFF,
        target=request.target_branch,
        name="diff",
    )
    try:
        text = commits.of_request(request).diff(pipeline.before_sha, pipeline.sha)
        if 0 < len(text) <= MAX_DIFF:
            actor = Actor(pipeline.actor, pipeline.token)
            take(actor, pipeline.project, upload, io.BytesIO(text))
    except TemporaryBackendError:
        raise
    except SlipwayError:
        log.info("the diff of %s is not kept", request, exc_info=True)  # nothing waits for it
