"""Writes of merge requests in own repositories: open, talk, approve, close, open again."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from gitops import repositories
from gitops.hosted.services import READ
from gitops.hosts.review import is_branch
from gitops.judging import require_push
from gitops.models import HostedMergeRequest, RequestApproval, RequestComment
from gitops.review import selectors
from gitops.review.following import follow, on_disk
from idp.common.errors import Clash, FieldError, Invalid
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project

MAX_TITLE = 250
MAX_DESCRIPTION = 20_000
MAX_COMMENT = 10_000
MAX_COMMENTS = 1000
MAX_OPEN = 200
State = HostedMergeRequest.State


def wrong(field: str, rule: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(field, rule, message, fix)])


def open_request(
    actor: Actor,
    project: Project,
    *,
    source_branch: str,
    target_branch: str = "main",
    title: str,
    description: str = "",
) -> HostedMergeRequest:
    """Open one between two branches of the project's own repository, and begin its pipeline.

    Raises `Invalid` with the field for branches that cannot be merged, `Clash` for a second one.
    """
    require_push(actor, project)
    title = _text("title", title, MAX_TITLE, required=True)
    description = _text("description", description, MAX_DESCRIPTION)
    repo = repositories.ensure(project)
    _judge_branches(repo.project, source_branch, target_branch)
    rows = HostedMergeRequest.objects.filter(project=project, repository=None)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        opened = rows.filter(state=State.OPEN)
        _refuse_second(opened.filter(source_branch=source_branch, target_branch=target_branch))
        if opened.count() >= MAX_OPEN:
            raise Clash(
                f"{project.name} has {MAX_OPEN} open merge requests.", fix="Close some first."
            )
        request = HostedMergeRequest.objects.create(
            project=project,
            number=(rows.aggregate(last=Max("number"))["last"] or 0) + 1,
            title=title,
            description=description,
            source_branch=source_branch,
            target_branch=target_branch,
            source_repository=project.name,
            fork=False,
            author=actor.label[:200] if actor.user is None else actor.user.username,
            opened_by=actor.user,
            opened_token=actor.token,
        )
        audit.record(
            actor,
            "merge-request.open",
            target=project,
            after={"number": request.number, "source": source_branch, "target": target_branch},
        )
    follow(request)
    return request


def _text(field: str, value: str, most: int, *, required: bool = False) -> str:
    value = value.strip()
    if required and not value:
        raise wrong(field, "required", f"A {field} is missing.", "Write one.")
    if len(value) > most or "\0" in value:
        raise wrong(field, "max_length", f"It has at most {most} characters.", "Shorten it.")
    return value


def _judge_branches(project: Project, source: str, target: str) -> None:
    if source == target:
        message = "A branch is not merged into itself."
        raise wrong("source_branch", "same", message, "Name two branches.")
    here, heads = on_disk(project), {}
    for field, name in (("source_branch", source), ("target_branch", target)):
        heads[field] = here.ref(f"refs/heads/{name}") if is_branch(name) else ""
        if not heads[field]:
            message = f"The repository of {project.name} has no branch “{name[:80]}”."
            raise wrong(field, "unknown", message, "Push it, or name another one.")
    if here.contains(heads["target_branch"], heads["source_branch"]):
        message = f"{source} has no commits that {target} lacks."
        raise wrong("source_branch", "no_commits", message, "Push a commit to it first.")


def _refuse_second(rows: QuerySet[HostedMergeRequest]) -> None:
    found = rows.first()
    if found is not None:
        raise Clash(
            f"{found} is open already for {found.source_branch} into {found.target_branch}.",
            fix="Go on there, or close it first.",
        )


def comment(actor: Actor, request: HostedMergeRequest, body: str) -> RequestComment:
    """Say something below it: plain text, by whoever may read the repository."""
    require(actor, READ, request.project.scope)
    body = _text("body", body, MAX_COMMENT, required=True)
    if request.comments.count() >= MAX_COMMENTS:
        raise Clash(f"{request} has {MAX_COMMENTS} comments; no more are taken.")
    made = RequestComment.objects.create(request=request, author=actor.user, body=body)
    audit.record(
        actor, "merge-request.comment", target=request.project, after={"number": request.number}
    )
    return made


def approve(actor: Actor, request: HostedMergeRequest, *, sha: str) -> RequestApproval:
    """Approve the head that was looked at; another one needs another look."""
    require_push(actor, request.project)
    follow(request)
    expect(request, sha)
    reason = selectors.why_not_approve(actor, request)
    if reason or actor.user is None:
        raise Clash(f"This approval does not count: {reason}")
    with transaction.atomic():
        found, made = RequestApproval.objects.get_or_create(
            request=request, person=actor.user, sha=request.sha
        )
        if made:
            facts = {"number": request.number, "sha": request.sha}
            audit.record(actor, "merge-request.approve", target=request.project, after=facts)
    return found


def withdraw(actor: Actor, request: HostedMergeRequest) -> None:
    """Take one's own approval back."""
    require_push(actor, request.project)
    with transaction.atomic():
        gone, _ = request.approvals.filter(person=actor.user).delete()
        if gone:
            facts = {"number": request.number}
            audit.record(actor, "merge-request.withdraw", target=request.project, after=facts)


def expect(request: HostedMergeRequest, sha: str) -> None:
    """Raise `Clash` unless `sha` is its head by now."""
    if sha != request.sha:
        raise Clash(
            f"The head of {request} is {request.sha[:12] or 'gone'} by now: it moved; look again.",
            fix="Open its page again and look at what is new.",
        )


def close(actor: Actor, request: HostedMergeRequest) -> None:
    """Close it unmerged; closed twice is closed."""
    require_push(actor, request.project)
    _turn(actor, request, State.OPEN, State.CLOSED, "merge-request.close")


def reopen(actor: Actor, request: HostedMergeRequest) -> None:
    """Open a closed one again, where its branches still have something to merge."""
    require_push(actor, request.project)
    if request.state == State.CLOSED:
        _judge_branches(request.project, request.source_branch, request.target_branch)
    try:
        _turn(actor, request, State.CLOSED, State.OPEN, "merge-request.reopen")
    except IntegrityError as error:
        raise Clash(
            f"Another merge request of {request.source_branch} into {request.target_branch} is"
            " open.",
            fix="Go on there, or close it first.",
        ) from error
    follow(request)


@transaction.atomic
def _turn(actor: Actor, request: HostedMergeRequest, old: str, new: str, event: str) -> None:
    rows = HostedMergeRequest.objects.filter(pk=request.pk, state=old)
    by = actor.label[:200] if new == State.CLOSED else ""
    if rows.update(state=new, ended_by=by, updated_at=timezone.now()):
        audit.record(actor, event, target=request.project, after={"number": request.number})
    request.refresh_from_db(fields=["state", "ended_by", "updated_at"])
    if request.state != new:
        raise Clash(f"{request} is {request.get_state_display().lower()} already.")
