"""Begins pipelines of merge requests, on what merging would make where it merges cleanly."""

from __future__ import annotations

import hashlib

from django.db import transaction

from gitops.hosted.mirrors import of_project
from gitops.models import HostedMergeRequest
from idp.common.addresses import whole
from idp.common.errors import Clash, SlipwayError
from pipelines.permissions import RUN
from pipelines.runs import commits
from pipelines.runs.addresses import page_of
from pipelines.runs.models import PROTECTED, Pipeline
from pipelines.runs.services.starting import Asked, At, begin, begun_by, key_reused, lock
from portal.permissions import keeper_scope
from rbac.access import can, require
from rbac.actors import Actor


def start(
    actor: Actor,
    request: HostedMergeRequest,
    *,
    by: str = "",
    key: str = "",
    merged: bool = True,
) -> Pipeline:
    """Begin a pipeline of a merge request's head; the same again for a `key` seen before.

    It runs on what merging would make, where that is known and `merged` is not false.
    Of a fork it gets none of the project's variables, whoever starts it. `Clash` for one that is no
    longer open or whose commits did not arrive yet; `Invalid` for a key of another request.
    """
    project = request.project
    require(actor, RUN, keeper_scope(project))
    if request.state != HostedMergeRequest.State.OPEN:
        raise Clash(f"{request} is no longer open.")
    if not request.sha:
        raise Clash(f"The commits of {request} did not arrive yet.", fix="Wait for a moment.")
    if made := _made_before(actor, request, key):
        return made
    mirror = commits.of_request(request)
    sha = (merged and request.merged_sha) or request.sha
    before = request.target_sha
    if sha == request.sha and before:
        before = mirror.merge_base(before, request.sha)
    at = At(
        ref=request.source_branch,
        facts=commits.facts(mirror, sha),
        before=before,
        hosted=request.repository,
        request=request,
        head=request.sha,
        default_branch=request.repository.default_branch if request.repository else PROTECTED,
    )
    asked = Asked(at.ref, Pipeline.Source.MERGE_REQUEST, key=key, by=by)
    with transaction.atomic():
        lock(project)
        return _made_before(actor, request, key) or begin(actor, project, asked, at)


def _made_before(actor: Actor, request: HostedMergeRequest, key: str) -> Pipeline | None:
    made = begun_by(actor, request.project, key)
    if made is not None and made.merge_request_id != request.pk:
        raise key_reused(made)
    return made


def told(actor: Actor, request: HostedMergeRequest) -> list[str]:
    """A merge request has a new head: begin its pipeline, or say why not."""
    mirror = commits.of_request(request)
    merged = _lends_nothing(actor, request)
    sha = (merged and request.merged_sha) or request.sha
    if not commits.CommitFiles(mirror, sha).has_pipeline:
        return []
    if request.fork:
        return [
            f"{request} comes from a fork: whoever may run pipelines of this project starts it."
        ]
    if reason := _not_by_itself(actor, request):
        return [reason]
    name = f"{request.pk} {request.sha}"
    key = f"request-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    by = request.author if request.repository else ""
    try:
        pipeline = start(actor, request, by=by, key=key, merged=merged)
    except SlipwayError as error:
        return [f"No pipeline of {request}: {error.message}"]
    reason = request.unmergeable if merged else "whoever pushed it did not choose its target"
    where = f" on its head, since {reason}" if reason else ""
    return [f"Pipeline {pipeline} of {request} begins{where}: {whole(page_of(pipeline))}"]


def _lends_nothing(actor: Actor, request: HostedMergeRequest) -> bool:
    """Whether it may run on what merging makes, by itself.

    That has what others pushed to the target, which whoever opened it chose. Of another pusher's
    rights it gets none, unless the target is the protected branch.
    """
    own = request.repository is None and not _opened(actor, request)
    return not own or request.target_branch == PROTECTED


def _opened(actor: Actor, request: HostedMergeRequest) -> bool:
    return actor.user is not None and actor.user.pk == request.opened_by_id


def _not_by_itself(actor: Actor, request: HostedMergeRequest) -> str:
    """Why one of an own repository begins no pipeline by itself, in words."""
    if request.repository is not None:
        return ""
    if of_project(request.project) is not None:
        return f"No pipeline of {request}: those of this project are of its git host's."
    if _opened(actor, request) or can(actor, RUN, keeper_scope(request.project)):
        return ""
    return f"No pipeline of {request}: whoever pushed its head may not run pipelines."
