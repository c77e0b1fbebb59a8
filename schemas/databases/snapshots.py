"""Looks at live databases: who is due, the reading, and the snapshot that is kept of it.

1. The controller calls `send_due` every few seconds; it sends the numbers of due instances.
2. A worker calls `look`, which claims the instance by its lease.
3. The database is read outside any transaction, bounded by the reader's own deadline.
4. What came of it is written under the row's lock, if the lease is still this look's.
5. `measuring` compares it with what is declared, once the lock is given back.

A database that hangs, refuses or is not there leaves its words on the row and the last snapshot
in place.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from idp.changes import events, leases
from idp.changes.leases import Lease, LeaseLost
from idp.common.errors import SlipwayError
from schemas.backends import postgres
from schemas.databases import measuring, reaching, selectors
from schemas.databases.models import DatabaseInstance, DatabaseSnapshot
from schemas.formats.base import TooComplex
from schemas.relational import stored
from schemas.relational.model import Model

EVERY_SECONDS = 15.0
SECONDS = 30.0  # of one reading
LEASE_SECONDS = SECONDS * 3
TASK = "schemas.look_at_database"
BATCH = 8  # a round: databases that hang shall leave workers to others
KEPT = 20  # snapshots of an instance
MAX_MODEL = 8_000_000  # characters of one stored model


@dataclass(frozen=True)
class Taken:
    """What a reading gave, as it is stored."""

    text: str
    digest: str


def wanted() -> Q:
    """Instances that were asked for, or not read for a while."""
    late = timezone.now() - timedelta(seconds=settings.SCHEMAS_SNAPSHOT_SECONDS)
    old = Q(checked_at=None) | Q(checked_at__lte=late)
    return Q(active=True) & (old | Q(asked_at__gt=F("checked_at")))


def send_due() -> list[int]:
    """Have workers look at what is due; what is lost is sent again."""
    return leases.sweep(DatabaseInstance, TASK, "pk", where=wanted(), limit=BATCH)


def look(pk: int) -> bool:
    """Read one instance if it is due and nobody else does; whether this call did."""
    began = timezone.now()
    lease = leases.claim(DatabaseInstance, pk, where=wanted(), seconds=LEASE_SECONDS)
    if lease is None:
        return False
    url = DatabaseInstance.objects.values_list("url", flat=True).get(pk=pk)
    taken, failure = None, None
    try:
        taken = _taken(url)
    except SlipwayError as error:
        failure = error
    with suppress(LeaseLost):
        _keep(lease, began, taken, failure)
        measuring.measure(pk)
    return True


def _taken(url: str) -> Taken:
    model = _read(url)
    text = stored.dump(model)
    if len(text) > MAX_MODEL:
        raise TooComplex(f"The schema has more than {MAX_MODEL} characters.")
    return Taken(text, stored.digest(model))


def _read(url: str) -> Model:
    return postgres.read(url, seconds=SECONDS, address=reaching.check_reach(url))


def _keep(lease: Lease, began: datetime, taken: Taken | None, failure: SlipwayError | None) -> None:
    """Write what a look found; raises `LeaseLost` where it was taken over or the row is gone."""
    with leases.fenced(lease) as row:
        row.checked_at = began
        row.error = failure.message[:2000] if failure else ""
        row.fix = failure.fix[:1000] if failure else ""
        if taken is not None:
            _store(row, taken)
            row.taken_at = timezone.now()
            row.revision += 1
        row.save(update_fields=["checked_at", "error", "fix", "taken_at", "revision"])
        leases.release(lease)
        scope = row.database.project.scope_id
        events.hint(measuring.TOPIC, {"id": row.database_id}, scope=scope)


def _store(row: DatabaseInstance, taken: Taken) -> None:
    """Keep the model: the newest snapshot is seen again where it says the same."""
    last = selectors.snapshot(row)
    if last is not None and last.digest == taken.digest:
        DatabaseSnapshot.objects.filter(pk=last.pk).update(seen_at=timezone.now())
        return
    DatabaseSnapshot.objects.create(instance=row, model=taken.text, digest=taken.digest)
    kept = row.snapshots.order_by("-seen_at", "-pk").values_list("pk", flat=True)[:KEPT]
    row.snapshots.exclude(pk__in=list(kept)).delete()
