"""Begins pipelines of merge requests, on what merging would make where it merges cleanly."""

from __future__ import annotations

import hashlib

from django.db import transaction

from gitops.hosted.mirrors import of_project
from gitops.models import HostedMergeRequest
from gitops.review import following
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


def start(actor: Actor, request: HostedMergeRequest, *, by: str = "", key: str = "") -> Pipeline:
    """Begin a pipeline of a merge request's head; the same again for a `key` seen before.

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
    sha = request.merged_sha or request.sha
    before = request.target_sha
    if not request.merged_sha and before:
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
    sha = request.merged_sha or request.sha
    if not commits.CommitFiles(mirror, sha).has_pipeline:
        return []
    if request.fork:
        return [
            f"{request} comes from a fork: whoever may run pipelines of this project starts it."
        ]
    if reason := _not_by_itself(request):
        return [reason]
    name = f"{request.pk} {request.sha}"
    key = f"request-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    try:
        pipeline = start(actor, request, by=request.author, key=key)
    except SlipwayError as error:
        return [f"No pipeline of {request}: {error.message}"]
    where = f" on its head, since {request.unmergeable}" if request.unmergeable else ""
    return [f"Pipeline {pipeline} of {request} begins{where}: {whole(page_of(pipeline))}"]


def _not_by_itself(request: HostedMergeRequest) -> str:
    """Why one of an own repository begins no pipeline by itself, in words.

    Its jobs have the rights of whoever opened it: whoever pushed the head needs the right to run
    pipelines, too.
    """
    if request.repository is not None:
        return ""
    if of_project(request.project) is not None:
        return f"No pipeline of {request}: those of this project are of its git host's."
    push = following.last_push(request)
    if push is None or push.actor_id == request.opened_by_id:
        return ""
    if can(Actor(push.actor, push.token), RUN, keeper_scope(request.project)):
        return ""
    return f"No pipeline of {request}: whoever pushed its head may not run pipelines."
