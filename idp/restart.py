"""What a second `manage.py run` does first: the simulated AWS forgot everything; git did not."""

from __future__ import annotations

import time

from gitops.models import Application
from gitops.services import propose_directory
from idp.changes.models import Change
from rbac.actors import system

WAIT_SECONDS = 60.0
ACTOR = system("restart")


def reconcile_simulated_aws() -> str:
    """Apply each directory with a simulated account again, wait, and say what came of it."""
    applications = Application.objects.filter(account__simulated=True, removed_at=None).exclude(
        synced_commit=""
    )
    ids = [
        _anew(application).pk
        for application in applications.select_related("repository__project", "scope")
    ]
    if not ids:
        return "Kept the data of the last run; no environment has simulated AWS resources."
    moving = Change.objects.filter(pk__in=ids, state__in=Change.OPEN)
    waited_until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < waited_until:
        if not moving.exclude(state__in=[Change.State.WAITING, Change.State.READY]).exists():
            break
        time.sleep(0.2)
    done = Change.objects.filter(pk__in=ids, state=Change.State.SUCCEEDED).count()
    told = f"Kept the data of the last run; made the simulated AWS anew from git: {done} of "
    told += f"{len(ids)} environments."
    others = Change.objects.filter(pk__in=ids).exclude(state=Change.State.SUCCEEDED)
    return told + "".join(f"\n  change {c.pk} ({c.title}): {c.state} {c.reason}" for c in others)


def _anew(application: Application) -> Change:
    """The change that makes it anew: the last start's, where that one is still open."""
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
