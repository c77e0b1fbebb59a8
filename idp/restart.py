"""What a second `manage.py run` does first: the simulated AWS forgot everything; git did not."""

from __future__ import annotations

import time

from django.db.models import Q

from gitops import repositories
from gitops.models import Application, ManagedObject
from gitops.services import propose_directory
from gitops.sync import observing
from idp.changes.models import Change
from rbac.actors import system

WAIT_SECONDS = 60.0
ACTOR = system("restart")


def reconcile_simulated_aws() -> str:
    """Apply each directory with a simulated account again, wait, and say what came of it.

    Each that `main` holds: a change that the last run left midway moved `main` before it made
    anything, and what it had made is gone as well.
    """
    applications = Application.objects.filter(account__simulated=True, removed_at=None)
    ids = [
        _anew(application).pk
        for application in applications.select_related("repository__project", "scope")
        if _on_main(application)
    ]
    if not ids:
        return "Kept the data of the last run; no environment has simulated AWS resources."
    # One that waits without a reason has not asked its gates yet: it moves on.
    held = Q(state=Change.State.READY) | (Q(state=Change.State.WAITING) & ~Q(reason=""))
    moving = Change.objects.filter(pk__in=ids, state__in=Change.OPEN).exclude(held)
    waited_until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < waited_until:
        if not moving.exists():
            break
        time.sleep(0.2)
    done = Change.objects.filter(pk__in=ids, state=Change.State.SUCCEEDED).count()
    told = f"Kept the data of the last run; made the simulated AWS anew from git: {done} of "
    told += f"{len(ids)} environments."
    others = Change.objects.filter(pk__in=ids).exclude(state=Change.State.SUCCEEDED)
    return told + "".join(f"\n  change {c.pk} ({c.title}): {c.state} {c.reason}" for c in others)


def _on_main(application: Application) -> bool:
    repository = application.repository
    head = repositories.head(repository)
    return bool(head and repositories.tree_id(repository, head, application.directory))


def _forget(application: Application) -> None:
    """No page says that something stands there, however long the change waits for its gates."""
    rows = application.objects_made.filter(target="aws", state=ManagedObject.State.READY)
    if rows.update(
        state=ManagedObject.State.INTENDED,
        health=Application.Health.MISSING,
        health_message="The simulated AWS began empty; it is made anew from git.",
        outputs={},
    ):
        Application.objects.filter(pk=application.pk).update(sync=Application.Sync.OUT_OF_SYNC)
        observing.settle(application)


def _anew(application: Application) -> Change:
    """The change that makes it anew: the last start's, where that one is still open."""
    _forget(application)
    title = f"Make the simulated AWS of {application} anew from git"
    still = Change.objects.filter(
        scope=application.scope, title=title, origin=Change.Origin.SYSTEM, state__in=Change.OPEN
    )
    return still.first() or propose_directory(
        ACTOR,
        application,
        {},
        verb="environment.push",
        title=title,
        origin=Change.Origin.SYSTEM,
        interactive=False,
    )
