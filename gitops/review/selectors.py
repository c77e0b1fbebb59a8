"""Reads of merge requests in own repositories; who may not see gets what does not exist."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from gitops.hosted.services import READ
from gitops.hosts.review import Changed, Commit
from gitops.models import BranchPush, HostedMergeRequest, RequestApproval, RequestComment
from gitops.review.following import on_disk
from rbac.access import get_visible, visible
from rbac.actors import Actor
from rbac.models import Project, User

MAX_PUSHES = 1000  # looked through for who pushed
MAX_COMMITS = 2000
_ZERO = "0" * 40


def requests(actor: Actor, project: Project) -> QuerySet[HostedMergeRequest]:
    """Of a project's own repository, the newest first."""
    rows = HostedMergeRequest.objects.filter(project=project, repository=None)
    rows = rows.select_related("project__scope", "repository")
    return visible(actor, READ, rows).order_by("-number")


def request(actor: Actor, project: str, number: int) -> HostedMergeRequest:
    """One of them; `NotVisible` otherwise."""
    rows = HostedMergeRequest.objects.filter(repository=None).select_related(
        "project__scope", "project__team", "repository", "opened_by", "opened_token"
    )
    return get_visible(actor, READ, rows, project__name=project, number=number)


def comments(found: HostedMergeRequest) -> QuerySet[RequestComment]:
    return found.comments.select_related("author").order_by("id")


def approvals(found: HostedMergeRequest) -> QuerySet[RequestApproval]:
    """Those of the head that it has now; new commits leave the older ones behind."""
    rows = found.approvals.filter(sha=found.sha).select_related("person")
    return rows.order_by("id")


@dataclass(frozen=True)
class Look:
    """What a merge request would bring, as git has it."""

    commits: list[Commit]
    commit_count: int
    changed: Changed
    conflicts: tuple[str, ...] = ()
    fast_forward: bool = False
    missing: bool = False  # its commits are no longer there


def look(found: HostedMergeRequest) -> Look:
    """Commits and changed files since the branches parted; what stands in the way of merging."""
    here = on_disk(found.project)
    head, base = found.sha, found.target_sha
    if not (head and base and here.made and here.ref(head) and here.ref(base)):
        return Look([], 0, Changed((), 0), missing=True)
    parted = here.merge_base(base, head)
    changed = here.compare(parted or base, head)
    conflicts: tuple[str, ...] = ()
    if found.state == HostedMergeRequest.State.OPEN and found.unmergeable:
        conflicts = here.merged_tree(base, head)[1]
    return Look(
        here.ahead(base, head),
        here.count_ahead(base, head),
        changed,
        conflicts,
        fast_forward=parted == base,
    )


def pushers(found: HostedMergeRequest) -> set[int]:
    """People who pushed any of its commits, or to its branch since that was made."""
    here = on_disk(found.project)
    arrived = set(here.shas(found.target_sha, found.sha, most=MAX_COMMITS))
    people: set[int] = set()
    rows = BranchPush.objects.filter(project=found.project).order_by("-id")
    of_branch = rows.filter(branch=found.source_branch)
    for person, old in of_branch.values_list("actor_id", "old")[:MAX_PUSHES]:
        people.add(person)
        if old == _ZERO:
            break
    of_commits = rows.filter(new__in=list(arrived)).values_list("actor_id", flat=True)
    return people | set(of_commits[:MAX_PUSHES])


def wrote(found: HostedMergeRequest, person: User) -> bool:
    """Whether commits of it claim to be this person's."""
    if not person.email:
        return False
    here = on_disk(found.project)
    own = person.email.lower()
    commits = here.ahead(found.target_sha, found.sha, most=MAX_COMMITS)
    return any(own in {one.email.lower(), one.committer_email.lower()} for one in commits)


def why_not_approve(actor: Actor, found: HostedMergeRequest) -> str:
    """Why this person's approval would not count, in words; empty where it does."""
    person = actor.user
    if person is None:
        return "Only people approve."
    if found.state != HostedMergeRequest.State.OPEN:
        return f"It is {found.get_state_display().lower()} already."
    if not (found.sha and found.target_sha):
        return "One of its branches is gone."
    if found.opened_by_id == person.pk:
        return "You opened it; somebody else has to approve it."
    if person.pk in pushers(found) or wrote(found, person):
        return "Commits of it are yours; somebody else has to approve it."
    return ""
