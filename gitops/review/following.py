"""Merge requests of own repositories follow their branches: after pushes, and by a sweeper."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from gitops import listeners
from gitops.hosts.local import MAIN, ZERO
from gitops.hosts.review import ReviewedRepository
from gitops.judging import Updates
from gitops.models import BranchPush, ConfigRepository, HostedMergeRequest
from gitops.review.addresses import new_page_of, page_of
from idp.common.addresses import whole
from rbac.actors import Actor
from rbac.models import Project

log = logging.getLogger(__name__)
MOST = 50  # requests that one push touches
SWEPT = 500
_HEADS = "refs/heads/"
_NAME = 255
_AT = "updated_at"
State = HostedMergeRequest.State


def on_disk(project: Project) -> ReviewedRepository:
    """The project's own repository as reviews look at it."""
    return ReviewedRepository(Path(settings.REPOSITORIES_DIR) / f"{project.name}.git")


def note(actor: Actor, project: Project, updates: Updates) -> None:
    """Remember who pushes to which branch; before git moves it, so that nothing is lost."""
    for old, new, ref in updates:
        branch = ref.removeprefix(_HEADS)
        if actor.user is not None and new != ZERO and branch != ref and len(branch) <= _NAME:
            BranchPush.objects.create(
                project=project, branch=branch, old=old, new=new, actor=actor.user,
                token=actor.token,
            )  # fmt: skip


def pushed(repo: ConfigRepository, updates: Updates) -> list[str]:
    """Bring the open requests of moved branches in step; lines for whoever pushed."""
    names = [ref.removeprefix(_HEADS) for _, _, ref in updates if ref.startswith(_HEADS)]
    moved = Q(source_branch__in=names) | Q(target_branch__in=names)
    lines: list[str] = []
    for request in list(_open().filter(moved, project=repo.project).order_by("number")[:MOST]):
        lines += [f"Slipway: {line}" for line in follow(request)]
    for old, new, ref in updates:
        if ref.startswith(_HEADS) and ref != MAIN and new != ZERO:
            lines += _invitation(repo.project, ref.removeprefix(_HEADS), new=old == ZERO)
    return lines


def _invitation(project: Project, branch: str, *, new: bool) -> list[str]:
    """Where a new branch's request is opened, or where an older one's is."""
    found = _open().filter(project=project, source_branch=branch).order_by("-number").first()
    if found is not None:
        return [f"Slipway: merge request {found}: {whole(page_of(found))}"]
    if not new:
        return []
    address = whole(new_page_of(project, branch))
    return [f"Slipway: open a merge request for {branch}: {address}"]


def last_push(request: HostedMergeRequest) -> BranchPush | None:
    """The push that brought its head, where one did."""
    rows = BranchPush.objects.select_related("actor", "token")
    found = rows.filter(project=request.project, branch=request.source_branch, new=request.sha)
    return found.order_by("-id").first()


def sweep() -> int:
    """Follow what nobody followed, such as a target that a change moved; how many were told of."""
    heads: dict[int, dict[str, str]] = {}
    told = 0
    for request in list(_open().order_by("project_id", "number")[:SWEPT]):
        try:
            if request.project_id not in heads:
                heads = {request.project_id: on_disk(request.project).references(_HEADS)}
            now = heads[request.project_id]
            seen = tuple(
                now.get(f"{_HEADS}{name}", "")
                for name in (request.source_branch, request.target_branch)
            )
            if seen != (request.sha, request.target_sha) or request.told_sha != request.sha:
                told += len(follow(request))
        except Exception:  # one request's fault is not the others'
            log.exception("%s could not be followed", request)
    return told


def _open() -> QuerySet[HostedMergeRequest]:
    rows = HostedMergeRequest.objects.filter(repository=None, state=State.OPEN)
    return rows.select_related("project__scope", "opened_by", "opened_token")


def follow(request: HostedMergeRequest) -> list[str]:
    """Bring one in step with its branches, and tell of a head that nobody heard of."""
    refresh(request)
    if request.state != State.OPEN or not request.sha or request.told_sha == request.sha:
        return []
    if request.unmergeable and not request.target_sha:
        return []
    opener = request.opened_by
    if opener is None or not opener.is_active:
        lines = [f"No pipeline of {request}: whoever opened it is no longer here."]
    else:
        lines = listeners.merge_request(_whose(request), request)
    HostedMergeRequest.objects.filter(pk=request.pk).update(told_sha=request.sha)
    request.told_sha = request.sha
    return lines


def _whose(request: HostedMergeRequest) -> Actor:
    """Whoever pushed the head, as with any push; who opened it where no push is known."""
    push = last_push(request)
    if push is None or push.actor_id == request.opened_by_id:
        return Actor(request.opened_by, request.opened_token)
    return Actor(push.actor, push.token)


def refresh(request: HostedMergeRequest) -> None:
    """What its branches are now, and what merging them would make; touches open ones only."""
    if request.state != State.OPEN:
        return
    here = on_disk(request.project)
    if not here.made:
        return
    head, base = (
        here.ref(f"{_HEADS}{name}") for name in (request.source_branch, request.target_branch)
    )
    if (head, base) == (request.sha, request.target_sha) and head:
        return
    merged_sha, reason, state = "", "", State.OPEN
    known = request.sha
    if base and known and head in {known, ""} and here.contains(base, known):
        state = State.MERGED
    elif not head:
        reason = f"there is no branch {request.source_branch}"
    elif base and here.contains(base, head):
        reason = f"it has no commits that {request.target_branch} lacks"
    else:
        here.keep(request.number, head)
        found = here.merge(request.number, head, request.target_branch)
        merged_sha, reason, base = found.commit, found.reason, found.base
    facts: dict[str, object] = {
        "sha": head or known,
        "target_sha": base,
        "merged_sha": merged_sha,
        "unmergeable": reason[:300],
        "state": state,
        _AT: timezone.now(),
    }
    if state == State.MERGED:
        facts |= {
            "result_sha": base,
            "target_sha": request.target_sha,
            "merged_sha": request.merged_sha,
        }
    if all(getattr(request, name) == value for name, value in facts.items() if name != _AT):
        return
    rows = HostedMergeRequest.objects.filter(pk=request.pk, state=State.OPEN, sha=known)
    rows.update(**facts)
    request.refresh_from_db(fields=[*facts, "told_sha", "result_sha"])
