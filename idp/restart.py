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
    changes = [
        propose_directory(
            ACTOR,
            application,
            {},
            verb="environment.push",
            title=f"Make the simulated AWS of {application} anew from git",
            origin=Change.Origin.SYSTEM,
            interactive=False,
        )
        for application in applications.select_related("repository__project", "scope")
    ]
    if not changes:
        return "Kept the data of the last run; no environment has simulated AWS resources."
    waited_until = time.monotonic() + WAIT_SECONDS
    ids = [change.pk for change in changes]
    while time.monotonic() < waited_until:
        if not Change.objects.filter(pk__in=ids, state__in=Change.OPEN).exists():
            break
        time.sleep(0.2)
    done = Change.objects.filter(pk__in=ids, state=Change.State.SUCCEEDED).count()
    told = f"Kept the data of the last run; made the simulated AWS anew from git: {done} of "
    told += f"{len(ids)} environments."
    others = Change.objects.filter(pk__in=ids).exclude(state=Change.State.SUCCEEDED)
    return told + "".join(f"\n  change {c.pk} ({c.title}): {c.state} {c.reason}" for c in others)
