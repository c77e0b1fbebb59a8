"""A worker's hold on one import: its lease, the actor behind it, and signs of life to pages."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from django.utils import timezone

from idp.changes import events
from idp.changes.leases import Lease, LeaseLost, Renewal
from rbac import actors
from rbac.actors import Actor
from schemas.transfer.models import ImportRun

TOPIC = "imports"
HINT_SECONDS = 1.0


@dataclass
class Step:
    """What every step of a run has at hand."""

    lease: Lease
    renewal: Renewal
    _told: float = field(default=0.0)

    def look(self) -> ImportRun:
        """The run as it stands now; raises `LeaseLost` when somebody else has it."""
        rows = ImportRun.objects.select_related("project__scope", "actor", "token__user")
        run = rows.filter(pk=self.lease.pk, lease_token=self.lease.token).first()
        if run is None or self.renewal.lost.is_set():
            raise LeaseLost(f"{self.lease.holder} lost import {self.lease.pk}")
        return run

    def breathe(self) -> None:
        """Between two small steps: stop where the run was taken away, and tell open pages."""
        if self.renewal.lost.is_set():
            raise LeaseLost(f"{self.lease.holder} lost import {self.lease.pk}")
        if time.monotonic() - self._told > HINT_SECONDS:
            self._told = time.monotonic()
            tell(self.look())


def tell(run: ImportRun) -> None:
    events.hint(TOPIC, {"id": run.pk}, scope=run.project.scope_id)


def actor_of(run: ImportRun) -> Actor:
    """Who asked, as `decide` judges them now; nobody once the token or the person is gone."""
    token = run.token
    ended = token is not None and (
        token.revoked_at is not None or token.expires_at <= timezone.now()
    )
    if run.actor is None or not run.actor.is_active or ended:
        return actors.NOBODY
    return Actor(run.actor, token)
