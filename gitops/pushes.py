"""From commits on `main` to changes: after every push, and by a sweeper for what was missed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from gitops import catalogfile, listeners, repositories
from gitops.hosts.local import MAIN, ZERO, LocalRepository
from gitops.judging import DELETE, PUSH, directories
from gitops.models import Application, ConfigRepository, Push
from gitops.services import KIND
from idp.changes import services as changes
from idp.changes.models import Change
from idp.common.errors import SlipwayError
from rbac.actors import Actor, system

log = logging.getLogger(__name__)
_FORGOTTEN = timedelta(minutes=30)
_MOST = 500


def note(actor: Actor, repo: ConfigRepository, updates: list[tuple[str, str, str]]) -> None:
    """Remember who pushed what to `main`: git itself only knows what commits claim."""
    for old, new, ref in updates:
        if ref == MAIN and actor.user is not None:
            Push.objects.create(
                repository=repo, old=old, new=new, actor=actor.user, token=actor.token
            )


def sweep() -> int:
    """Take in every repository whose `main` moved since it was last looked at; how many changes."""
    made = 0
    for repo in ConfigRepository.objects.select_related("project__scope", "project__team"):
        try:
            if repositories.head(repo) != repo.seen_commit:
                made += len(take_in(repo))
        except SlipwayError as error:
            log.warning("commits of %s could not be taken in: %s", repo, error.message)
    return made


def take_in(repo: ConfigRepository) -> list[Change]:
    """A change for each pushed commit and directory that has none; safe to repeat and to race."""
    on_disk = repositories.local(repo)
    head = on_disk.head()
    made: list[Change] = []
    covered: set[str] = set()
    for push in repo.pushes.filter(handled_at=None).order_by("pk").select_related("actor", "token"):
        if not on_disk.contains(head, push.new):
            if push.at < timezone.now() - _FORGOTTEN:
                push.delete()  # allowed, but it never arrived
            continue
        covered |= set(on_disk.commits(push.new, push.old, limit=_MOST))
        actor = Actor(push.actor, push.token)
        made += _changes(actor, repo, on_disk, push.old, push.new)
        catalogfile.take_in(actor, repo, on_disk, push.old, push.new)
        Push.objects.filter(pk=push.pk).update(handled_at=timezone.now())
    made += _unexplained(repo, on_disk, head, covered)
    ConfigRepository.objects.filter(pk=repo.pk).update(seen_commit=head)
    return made


def _unexplained(
    repo: ConfigRepository, on_disk: LocalRepository, head: str, covered: set[str]
) -> list[Change]:
    """Changes for commits that are neither proposals nor pushes that the judge saw."""
    made: list[Change] = []
    if not repo.seen_commit or not head or head == repo.seen_commit:
        return made
    handled = set(repo.pushes.exclude(handled_at=None).values_list("new", flat=True))
    for sha in reversed(on_disk.commits(head, repo.seen_commit, limit=_MOST)):
        facts = on_disk.commit(sha)
        proposed = facts.change and on_disk.ref(repositories.proposal_ref(facts.change)) == sha
        if proposed or sha in covered or sha in handled:
            continue
        parent = facts.parents[0] if facts.parents else ZERO
        made += _changes(system("git"), repo, on_disk, parent, sha)
    return made


def _changes(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, old: str, new: str
) -> list[Change]:
    made = []
    for directory in directories(on_disk, old, new):
        try:
            change = _change(actor, repo, on_disk, new, directory)
        except SlipwayError as error:
            log.warning("%s at %s of %s: %s", directory, new[:12], repo, error.message)
            continue
        if change is not None:
            made.append(change)
    return made


def _change(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, new: str, directory: str
) -> Change | None:
    application = _application(actor, repo, on_disk, new, directory)
    if application is None:
        return None
    gone = not on_disk.tree_id(new, directory)
    facts = on_disk.commit(new)
    return changes.propose(
        actor,
        kind=KIND,
        verb=DELETE if gone else PUSH,
        scope=application.scope,
        title=f"Push {new[:8]}: {facts.subject}"[:200],
        intent={
            "application": application.pk,
            "directory": directory,
            "commit": new,
            "delete": gone,
            "choices": {},
        },
        origin=Change.Origin.PUSH,
        interactive=False,
        idempotency_key=f"push:{new}:{directory}"[:120],
        message=facts.message.partition("\n")[2].strip(),
    )


def _application(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, new: str, directory: str
) -> Application | None:
    found = repo.applications.select_related("scope").filter(directory=directory, removed_at=None)
    application = found.first()
    if application is not None or not on_disk.tree_id(new, directory):
        return application
    files = on_disk.read_directory(new, directory)
    return listeners.adopt_directory(repo.project, directory.split("/")[1], files, actor)


def announce(made: Iterable[Change]) -> list[str]:
    """What the pusher reads in the terminal."""
    base = settings.BASE_URL.rstrip("/")
    return [f"Slipway: change {c.pk} for {c.scope}: {base}/changes/{c.pk}/" for c in made]
