"""From commits on `main` to changes: after every push, and by a sweeper for what was missed.

Nothing that reached `main` is forgotten: what cannot be a change of the person who pushed it, or
was pushed by nobody, waits as a change of Slipway's own until somebody with the permission has
read its plan. Slipway itself confirms nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from gitops import catalogfile, listeners, repositories
from gitops.hosts.local import MAIN, ZERO, LocalRepository
from gitops.judging import DELETE, PUSH, directories
from gitops.models import Application, ConfigRepository, Push
from gitops.services import KIND, body_of, shortened
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.addresses import whole
from idp.common.errors import BackendError, Clash, SlipwayError
from rbac import audit
from rbac.actors import Actor, system
from rbac.models import AuditRecord

log = logging.getLogger(__name__)
_FORGOTTEN = timedelta(minutes=30)
_MOST = 500
_UNJUDGED = "It came to main without a push that Slipway judged."


@dataclass
class Taken:
    """What one look at a repository came to: changes, and words on what is none."""

    changes: list[Change] = field(default_factory=list)
    words: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Arrival:
    """Commits that are on `main` now: those from `old` to `new`, in the history of `head`."""

    repo: ConfigRepository
    on_disk: LocalRepository
    head: str
    old: str
    new: str

    def holds(self, directory: str) -> bool:
        """Whether the directory came with them and is still there."""
        return all(self.on_disk.tree_id(commit, directory) for commit in (self.new, self.head))


def note(actor: Actor, repo: ConfigRepository, updates: list[tuple[str, str, str]]) -> None:
    """Remember who pushed what to `main`: git itself only knows what commits claim."""
    for old, new, ref in updates:
        if ref == MAIN and actor.user is not None:
            Push.objects.create(
                repository=repo, old=old, new=new, actor=actor.user, token=actor.token
            )


def sweep() -> int:
    """Take in every repository with something new or left over; how many changes were made."""
    made = 0
    left = Push.objects.filter(repository=OuterRef("pk"), handled_at=None)
    rows = ConfigRepository.objects.select_related("project__scope", "project__team")
    for repo in rows.annotate(left=Exists(left)):
        try:
            if repo.left or repositories.head(repo) != repo.seen_commit:
                made += len(take_in(repo).changes)
        except Exception:  # one repository's fault is not the others'
            log.exception("commits of %s could not be taken in", repo)
    return made


def take_in(repo: ConfigRepository) -> Taken:
    """A change for each pushed commit and directory that has none; safe to repeat and to race.

    `seen_commit` is read before `main` and `main` before the pushes, whose rows are older than
    their commits: so nobody takes a push for a commit that came by itself, or `main` back.
    """
    on_disk, taken = repositories.local(repo), Taken()
    seen = ConfigRepository.objects.values_list("seen_commit", flat=True).get(pk=repo.pk)
    head = on_disk.head()
    for push in repo.pushes.filter(handled_at=None).order_by("pk").select_related("actor", "token"):
        try:
            _push(_Arrival(repo, on_disk, head, push.old, push.new), push, taken)
        except Exception:  # it is tried again; the pushes behind it have their turn
            log.exception("push %s could not be taken in", push)
    if seen and head and head != seen:
        for sha, parent in _unexplained(repo, on_disk, seen, head):
            _by_itself(_Arrival(repo, on_disk, head, parent, sha), taken)
    ConfigRepository.objects.filter(pk=repo.pk, seen_commit=seen).update(seen_commit=head)
    return taken


def _push(arrival: _Arrival, push: Push, taken: Taken) -> None:
    """Make the changes of one push; it stays open while one of them cannot be made for now."""
    overdue = push.at < timezone.now() - _FORGOTTEN
    if not arrival.on_disk.contains(arrival.head, push.new):
        if overdue:
            push.delete()  # allowed, but it never arrived
        return
    actor, left = Actor(push.actor, push.token), False
    for directory in directories(arrival.on_disk, push.old, push.new):
        try:
            _own(arrival, actor, directory, taken)
        except Exception as error:  # every directory has its turn
            word = _word(error)
            if _passing(error) and not overdue:
                left = True
                taken.words.append(f"{directory}: {word} It is tried again.")
                log.warning("%s of push %s is left for later", directory, push, exc_info=error)
            else:
                _left_to_people(arrival, actor, directory, word, taken)
    catalogfile.take_in(actor, arrival.repo, arrival.on_disk, push.old, arrival.head)
    if not left:
        Push.objects.filter(pk=push.pk).update(handled_at=timezone.now())


def _passing(error: Exception) -> bool:
    """Whether the next try may do better: no rule said no."""
    return isinstance(error, BackendError) or not isinstance(error, SlipwayError)


def _word(error: Exception) -> str:
    if isinstance(error, SlipwayError):
        return f"{error.message} {error.fix}".strip()
    return f"An unexpected error ({type(error).__name__}); the server's log has the trace."


def _unexplained(
    repo: ConfigRepository, on_disk: LocalRepository, seen: str, head: str
) -> list[tuple[str, str]]:
    """Commits, each with its parent, that are neither proposals nor pushes that the judge saw."""
    arrived = on_disk.between(seen, head)
    covered: set[str] = set()
    for old, new in repo.pushes.values_list("old", "new"):
        if new in arrived:
            covered |= on_disk.between(old, new)
    found = []
    for sha in reversed(on_disk.commits(head, seen, limit=_MOST)):
        if sha in covered:
            continue
        facts = on_disk.commit(sha)
        if not facts.change or on_disk.ref(repositories.proposal_ref(facts.change)) != sha:
            found.append((sha, facts.parents[0] if facts.parents else ZERO))
    return found


def _by_itself(arrival: _Arrival, taken: Taken) -> None:
    for directory in directories(arrival.on_disk, arrival.old, arrival.new):
        _left_to_people(arrival, system("git"), directory, _UNJUDGED, taken)


def _own(arrival: _Arrival, actor: Actor, directory: str, taken: Taken) -> None:
    """The change of the person who pushed; a directory that went again since needs none."""
    application = _alive(arrival.repo, directory)
    if application is None and arrival.holds(directory):
        application = _adopted(arrival, actor, directory)
    if application is not None:
        taken.changes.append(_propose(arrival, actor, application))


def _left_to_people(
    arrival: _Arrival, actor: Actor, directory: str, why: str, taken: Taken
) -> None:
    """A change that waits for whoever may confirm it; without an environment, a record."""
    application = _alive(arrival.repo, directory)
    log.warning("%s at %s of %s: %s", directory, arrival.new[:12], arrival.repo, why)
    if application is not None:
        who = f"{actor.label} pushed this to main. " if actor.user else ""
        taken.changes.append(_propose(arrival, system("git"), application, f"{who}{why}"))
    elif arrival.holds(directory):
        why = f"{directory} is on main, but no environment was made: {why}"
        taken.words.append(f"{why} Change a file of it and push again.")
        audit.record(
            actor,
            "repository.push",
            target=arrival.repo.project,
            outcome=AuditRecord.Outcome.DENIED,
            reason=f"{why} (commit {arrival.new})",
        )


def _propose(arrival: _Arrival, actor: Actor, application: Application, why: str = "") -> Change:
    """The change for one directory of a commit; with a `why`, it waits until it is confirmed."""
    directory, new = application.directory, arrival.new
    gone = not arrival.on_disk.tree_id(new, directory)
    facts = arrival.on_disk.commit(new)
    return changes.propose(
        actor,
        kind=KIND,
        verb=DELETE if gone else PUSH,
        scope=application.scope,
        title=f"{'Commit' if why else 'Push'} {new[:8]}: {facts.subject}"[:200],
        intent={
            "application": application.pk,
            "directory": directory,
            "commit": new,
            "delete": gone,
            "choices": {},
        },
        origin=Change.Origin.PUSH,
        interactive=bool(why),
        idempotency_key=f"push:{new}:{directory}"[:120],
        message=shortened(f"{why}\n\n{body_of(facts)}".strip()),
    )


def _alive(repo: ConfigRepository, directory: str) -> Application | None:
    rows = repo.applications.select_related("scope")
    return rows.filter(directory=directory, removed_at=None).first()


def _adopted(arrival: _Arrival, actor: Actor, directory: str) -> Application | None:
    files = arrival.on_disk.read_directory(arrival.new, directory)
    name = directory.split("/")[1]
    try:
        return listeners.adopt_directory(arrival.repo.project, name, files, actor)
    except Clash:
        found = _alive(arrival.repo, directory)  # another process was faster
        if found is None:
            raise
        return found


def announce(taken: Taken) -> list[str]:
    """What the pusher reads in the terminal."""
    lines = [
        f"Slipway: change {c.pk} for {c.scope}: {whole(f'/changes/{c.pk}/')}"
        + (" (waits to be confirmed)" if c.interactive else "")
        for c in taken.changes
    ]
    return [*lines, *(f"Slipway: {word}" for word in taken.words)]
