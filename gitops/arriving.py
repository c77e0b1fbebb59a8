"""The one way by which references of a project's own repository move: judged, noted, taken in.

A push comes here through its hooks, a merge from the page of its request; who may is decided, and
what follows happens, just the same.
"""

from __future__ import annotations

import logging

from gitops import listeners, pushes, repositories
from gitops.hosts.local import LocalRepository
from gitops.judging import Updates, judge
from gitops.models import ConfigRepository
from gitops.review import following
from rbac import audit
from rbac.actors import Actor
from rbac.models import AuditRecord

log = logging.getLogger(__name__)
MAX_REASON = 2_000
_FAILED = "Slipway: what should follow this push failed; the server's log says why."


def admit(
    actor: Actor, repo: ConfigRepository, on_disk: LocalRepository, updates: Updates
) -> list[str]:
    """The reasons against it, recorded; none where it may come in, and who pushed it is noted."""
    reasons = judge(actor, repo, on_disk, updates)
    if reasons:
        audit.record(
            actor,
            "repository.push",
            target=repo.project,
            outcome=AuditRecord.Outcome.DENIED,
            reason="\n".join(reasons)[:MAX_REASON],
        )
        return reasons
    pushes.note(actor, repo, updates)
    following.note(actor, repo.project, updates)
    return []


def arrived(actor: Actor, repo: ConfigRepository, updates: Updates) -> list[str]:
    """What follows once the references have moved; lines for whoever pushed."""
    return [*_taken_in(repo), *_heard(actor, repo, updates), *_followed(repo, updates)]


def _taken_in(repo: ConfigRepository) -> list[str]:
    try:
        return pushes.announce(pushes.take_in(repo))
    except Exception:  # main has moved already; the sweeper does it
        log.exception("commits of %s could not be taken in", repo)
        return ["Slipway: main has moved; its changes follow in a moment."]


def _heard(actor: Actor, repo: ConfigRepository, updates: Updates) -> list[str]:
    try:
        pushed = listeners.Pushed(repo.project, repositories.local(repo), updates)
        return listeners.pushed(actor, pushed)
    except Exception:  # the references have moved; nobody is kept from pushing by what follows
        log.exception("what follows the push to %s did not come about", repo)
        return [_FAILED]


def _followed(repo: ConfigRepository, updates: Updates) -> list[str]:
    try:
        return following.pushed(repo, updates)
    except Exception:  # the sweeper looks again
        log.exception("merge requests of %s did not follow a push", repo)
        return [_FAILED]
