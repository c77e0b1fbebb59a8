"""Begins pipelines of merge requests, on what merging would make where it merges cleanly."""

from __future__ import annotations

import hashlib
import io
import logging

from django.db import transaction

from gitops.hosted.mirrors import mirror_of
from gitops.hosts.mirror import Mirror
from gitops.models import HostedMergeRequest
from idp.common.errors import Clash, SlipwayError
from pipelines.permissions import RUN
from pipelines.reports.formats.registry import Kind
from pipelines.reports.services import Upload, take
from pipelines.runs import commits
from pipelines.runs.models import Pipeline
from pipelines.runs.services.starting import At, begin
from portal.permissions import keeper_scope
from rbac.access import require
from rbac.actors import Actor

log = logging.getLogger(__name__)
MAX_DIFF = 8 * 1024 * 1024


def start(actor: Actor, request: HostedMergeRequest, *, by: str = "", key: str = "") -> Pipeline:
    """Begin a pipeline of a merge request's head; the same again for a `key` seen before.

    Of a fork it gets none of the project's variables, whoever starts it. `Clash` for one that is no
    longer open or whose commits did not arrive yet.
    """
    project = request.repository.project
    require(actor, RUN, keeper_scope(project))
    if request.state != HostedMergeRequest.State.OPEN:
        raise Clash(f"{request} is no longer open.")
    if not request.sha:
        raise Clash(f"The commits of {request} did not arrive yet.", fix="Wait for a moment.")
    rows = Pipeline.objects.filter(project=project, actor=actor.user, idempotency_key=key)
    if key and (made := rows.first()):
        return made
    mirror = mirror_of(request.repository)
    sha = request.merged_sha or request.sha
    before = request.target_sha
    if not request.merged_sha and before:
        before = mirror.merge_base(before, request.sha)
    at = At(
        repository=mirror,
        ref=request.source_branch,
        sha=sha,
        before=before,
        hosted=request.repository,
        request=request,
        head=request.sha,
        default_branch=request.repository.default_branch,
    )
    with transaction.atomic():
        pipeline = begin(actor, project, at, source=Pipeline.Source.MERGE_REQUEST, key=key, by=by)
    _hand_in_diff(actor, pipeline, request, mirror)
    return pipeline


def _hand_in_diff(
    actor: Actor, pipeline: Pipeline, request: HostedMergeRequest, mirror: Mirror
) -> None:
    """The lines that it changes, so that reports can say how far tests run them."""
    if not pipeline.before_sha:
        return
    upload = Upload(
        commit=pipeline.sha,
        ref=pipeline.ref,
        kind=Kind.DIFF,
        target=request.target_branch,
        name="diff",
    )
    try:
        text = mirror.diff(pipeline.before_sha, pipeline.sha)
        if 0 < len(text) <= MAX_DIFF:
            take(actor, pipeline.project, upload, io.BytesIO(text))
    except SlipwayError:
        log.info("the diff of %s is not kept", request, exc_info=True)  # nothing waits for it


def told(actor: Actor, request: HostedMergeRequest) -> list[str]:
    """A merge request has a new head: begin its pipeline, or say why not."""
    mirror = mirror_of(request.repository)
    sha = request.merged_sha or request.sha
    if not commits.CommitFiles(mirror, sha).has_pipeline:
        return []
    if request.fork:
        return [
            f"{request} comes from a fork: whoever may run pipelines of this project starts it."
        ]
    name = f"{request.pk} {request.sha}"
    key = f"request-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    try:
        pipeline = start(actor, request, by=request.author, key=key)
    except SlipwayError as error:
        return [f"No pipeline of {request}: {error.message}"]
    where = f" on its head, since {request.unmergeable}" if request.unmergeable else ""
    return [f"Pipeline {pipeline} of {request} begins{where}."]
