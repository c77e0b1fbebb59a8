"""Looks at live databases: who is due, the reading, and the snapshot that is kept of it.

1. The controller calls `send_due` every few seconds; it sends the numbers of due instances.
2. A worker calls `look`, which claims the instance by a conditional UPDATE of its lease.
3. The database is read outside any transaction, bounded by the reader's own deadline.
4. What came of it is written under the row's lock, if the lease is still this look's.
5. `measuring` compares it with what is declared, once the lock is given back.

A database that hangs, refuses or is not there leaves its words on the row and the last snapshot
in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from idp.changes import events
from idp.common import jobs
from idp.common.errors import SlipwayError
from schemas.backends import postgres
from schemas.databases import measuring, reaching, selectors
from schemas.databases.models import DatabaseInstance, DatabaseSnapshot
from schemas.formats.base import TooComplex
from schemas.relational import stored
from schemas.relational.model import Model

EVERY_SECONDS = 15.0
SECONDS = 30.0  # of one reading
LEASE = timedelta(seconds=SECONDS * 3)
BATCH = 8  # a round: databases that hang shall leave workers to others
KEPT = 20  # snapshots of an instance
MAX_MODEL = 8_000_000  # characters of one stored model


@dataclass(frozen=True)
class Taken:
    """What a reading gave, as it is stored."""

    text: str
    digest: str


def due(now: datetime) -> QuerySet[DatabaseInstance]:
    """The instances that nobody looks at and that were asked for, or not read for a while."""
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    old = Q(checked_at=None) | Q(
        checked_at__lte=now - timedelta(seconds=settings.SCHEMAS_SNAPSHOT_SECONDS)
    )
    asked = Q(asked_at__gt=F("checked_at"))
    return DatabaseInstance.objects.filter(free & (old | asked), active=True)


def send_due() -> int:
    """Have workers look at what is due; how many were sent. What is lost is sent again."""
    found = due(timezone.now()).order_by(F("checked_at").asc(nulls_first=True))
    keys = list(found.values_list("pk", flat=True)[:BATCH])
    for pk in keys:
        jobs.send("schemas.look_at_database", {"pk": pk})
    return len(keys)


def look(pk: int) -> bool:
    """Read one instance if it is due and nobody else does; whether this call did."""
    now = timezone.now()
    until = now + LEASE
    if not due(now).filter(pk=pk).update(leased_until=until):
        return False
    row = DatabaseInstance.objects.get(pk=pk)
    taken, failure = None, None
    try:
        taken = _taken(row.url)
    except SlipwayError as error:
        failure = error
    if _keep(pk, until, now, taken, failure):
        measuring.measure(pk)
    return True


def _taken(url: str) -> Taken:
    model = _read(url)
    text = stored.dump(model)
    if len(text) > MAX_MODEL:
        raise TooComplex(f"The schema has more than {MAX_MODEL} characters.")
    return Taken(text, stored.digest(model))


def _read(url: str) -> Model:
    reaching.check_reach(url)
    return postgres.read(url, seconds=SECONDS)


@transaction.atomic
def _keep(
    pk: int, until: datetime, began: datetime, taken: Taken | None, failure: SlipwayError | None
) -> bool:
    """Write what a look found; nothing where its lease was taken over or the row is gone."""
    rows = DatabaseInstance.objects.select_for_update().filter(pk=pk, leased_until=until)
    row = rows.first()
    if row is None:
        return False
    row.leased_until, row.checked_at = None, began
    row.error = failure.message[:2000] if failure else ""
    row.fix = failure.fix[:1000] if failure else ""
    if taken is not None:
        _store(row, taken)
        row.taken_at = timezone.now()
        row.revision += 1
    row.save(
        update_fields=["leased_until", "checked_at", "error", "fix", "taken_at", "revision"],
    )
    events.hint(measuring.TOPIC, {"id": row.database_id}, scope=row.database.project.scope_id)
    return True


def _store(row: DatabaseInstance, taken: Taken) -> None:
    """Keep the model: the newest snapshot is seen again where it says the same."""
    last = selectors.snapshot(row)
    if last is not None and last.digest == taken.digest:
        DatabaseSnapshot.objects.filter(pk=last.pk).update(seen_at=timezone.now())
        return
    DatabaseSnapshot.objects.create(instance=row, model=taken.text, digest=taken.digest)
    kept = row.snapshots.order_by("-seen_at", "-pk").values_list("pk", flat=True)[:KEPT]
    row.snapshots.exclude(pk__in=list(kept)).delete()
