"""Merges a request of an own repository by the very path that a push to its target takes."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from gitops import arriving, listeners, repositories
from gitops.hosts.local import MAIN, ZERO
from gitops.hosts.program import GitError
from gitops.judging import require_push
from gitops.models import ConfigRepository, HostedMergeRequest
from gitops.review.following import follow, on_disk
from gitops.review.services import expect, wrong
from idp.common.errors import Clash, Refusal
from rbac import audit
from rbac.actors import Actor

State = HostedMergeRequest.State
METHODS = ("merge", "fast_forward")
_FACTS = ["state", "result_sha", "ended_by", "updated_at", "sha", "target_sha"]


@dataclass(frozen=True)
class Done:
    """The request is merged; `lines` say what followed, as a push's answer would."""

    request: HostedMergeRequest
    lines: list[str]


def merge(
    actor: Actor,
    request: HostedMergeRequest,
    *,
    sha: str,
    method: str = "merge",
    delete_source: bool = False,
) -> Done:
    """Bring its head, which has to be `sha`, into the target; merged twice is merged once.

    Raises `Refusal` with what the judge of pushes says, `Clash` for a head or target that moved,
    for files that collide, and for a pipeline that runs or failed.
    """
    require_push(actor, request.project)
    if method not in METHODS:
        message = f"“{method[:40]}” is no way to merge."
        raise wrong("method", "choices", message, f"Take one of {', '.join(METHODS)}.")
    follow(request)
    if request.state == State.MERGED:
        return Done(request, [])
    if request.state != State.OPEN:
        raise Clash(f"{request} is closed.", fix="Open it again first.")
    expect(request, sha)
    if reasons := listeners.against_merging(request):
        raise Refusal(" ".join(reasons))
    # The hooks of a repository and its judge look at the rows of its project.
    repo = repositories.ensure(request.project)
    new = _commit(actor, request, method)
    lines = _move(actor, repo, request, new)
    if delete_source:
        lines += _without_source(actor, repo, request)
    return Done(request, lines)


def _commit(actor: Actor, request: HostedMergeRequest, method: str) -> str:
    """What the target shall point to; nothing points there yet."""
    here, base, head = on_disk(request.project), request.target_sha, request.sha
    if not base:
        raise Clash(f"There is no branch {request.target_branch} any more.")
    if method == "fast_forward":
        if here.contains(head, base):
            return head
        raise Clash(
            f"{request.target_branch} has commits that {request.source_branch} lacks, so it cannot"
            " be fast-forwarded.",
            fix="Merge with a merge commit, or rebase the branch and push it.",
        )
    tree, conflicts = here.merged_tree(base, head)
    if not tree:
        raise Clash(
            f"It does not merge cleanly with {request.target_branch}:"
            f" {', '.join(conflicts) or 'files collide'}.",
            fix=f"Merge {request.target_branch} into {request.source_branch}, settle it, and push.",
        )
    return here.make_merge(
        tree,
        base,
        head,
        author=repositories.author_of(actor),
        message=f"Merge branch '{request.source_branch}' into '{request.target_branch}'\n\n"
        f"{request.title}\n\nSee merge request {request}",
    )


def _move(actor: Actor, repo: ConfigRepository, request: HostedMergeRequest, new: str) -> list[str]:
    here, ref = on_disk(request.project), f"refs/heads/{request.target_branch}"
    updates = [(request.target_sha, new, ref)]
    if reasons := arriving.admit(actor, repo, here, updates):
        raise Refusal(f"{request.target_branch} takes it no more than a push: {' '.join(reasons)}")
    try:
        here.update_ref(ref, new, request.target_sha)
    except Clash as error:
        follow(request)
        if request.state == State.MERGED:
            return []
        raise Clash(
            f"{request.target_branch} moved meanwhile; look again.", fix="Merge it once more."
        ) from error
    _note(actor, request, new)
    return arriving.arrived(actor, repo, updates)


def _note(actor: Actor, request: HostedMergeRequest, new: str) -> None:
    rows = HostedMergeRequest.objects.filter(pk=request.pk).exclude(state=State.CLOSED)
    rows.update(
        state=State.MERGED,
        result_sha=new,
        ended_by=actor.label[:200],
        updated_at=timezone.now(),
    )
    facts = {"number": request.number, "sha": request.sha, "commit": new}
    audit.record(actor, "merge-request.merge", target=request.project, after=facts)
    request.refresh_from_db(fields=_FACTS)


def _without_source(actor: Actor, repo: ConfigRepository, request: HostedMergeRequest) -> list[str]:
    """Remove the branch that is merged; it stays where somebody pushed to it meanwhile."""
    ref = f"refs/heads/{request.source_branch}"
    if ref == MAIN:
        return [f"{request.source_branch} stays: it says what should be."]
    here, updates = on_disk(request.project), [(request.sha, ZERO, ref)]
    if reasons := arriving.admit(actor, repo, here, updates):
        return reasons
    try:
        here.remove_ref(ref, request.sha)
    except GitError:
        return [f"{request.source_branch} stays: it moved meanwhile, or is gone."]
    return [
        f"{request.source_branch} is removed.",
        *arriving.arrived(actor, repo, updates),
    ]
