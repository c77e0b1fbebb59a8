"""Looks at live databases: who is due, the reading, the drift, and the alarm about a new one.

1. The controller calls `send_due` every few seconds; it sends the numbers of due instances.
2. A worker calls `look`, which claims the instance by a conditional UPDATE of its lease.
3. The database is read outside any transaction, bounded by the reader's own deadline.
4. What came of it is written under the row's lock, if the lease is still this look's.

A database that hangs, refuses or is not there leaves its words on the row and the last snapshot
in place. A drift is told once: when it appears, when it becomes another, and when it is gone.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from idp.changes import events
from idp.common import jobs
from idp.common.errors import SlipwayError
from rbac import audit
from rbac.actors import system
from schemas.backends import postgres
from schemas.databases import reaching, selectors
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
MAX_TOLD = 500  # differences that are kept with an instance; all are counted
MAX_AUDITED = 20
DRIFT = "database.drift"
TOPIC = "databases"
_ACTOR = system("databases")


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
    model, failure = None, None
    try:
        model = _read(row.url)
    except SlipwayError as error:
        failure = error
    _keep(pk, until, now, model, failure)
    return True


def _read(url: str) -> Model:
    reaching.check_reach(url)
    return postgres.read(url, seconds=SECONDS)


@transaction.atomic
def _keep(
    pk: int, until: datetime, began: datetime, model: Model | None, failure: SlipwayError | None
) -> None:
    """Write what a look found; nothing where its lease was taken over or the row is gone."""
    rows = DatabaseInstance.objects.select_for_update().filter(pk=pk, leased_until=until)
    row = rows.first()
    if row is None:
        return
    row.leased_until, row.checked_at = None, began
    row.error = row.fix = ""
    try:
        if model is not None:
            _store(row, model)
    except TooComplex as error:
        failure = error
    if failure is not None:
        row.error, row.fix = failure.message[:2000], failure.fix[:1000]
    else:
        row.taken_at = timezone.now()
    row.save(
        update_fields=["leased_until", "checked_at", "error", "fix", "taken_at"],
    )
    if failure is None:
        measure(row, model)
    events.hint(TOPIC, {"id": row.database_id}, scope=row.database.project.scope_id)


def _store(row: DatabaseInstance, model: Model) -> None:
    """Keep the model: the newest snapshot is seen again where it says the same."""
    text, digest, now = stored.dump(model), stored.digest(model), timezone.now()
    if len(text) > MAX_MODEL:
        raise TooComplex(f"The schema has more than {MAX_MODEL} characters.")
    last = selectors.snapshot(row)
    if last is not None and last.digest == digest:
        DatabaseSnapshot.objects.filter(pk=last.pk).update(seen_at=now)
        return
    DatabaseSnapshot.objects.create(instance=row, model=text, digest=digest)
    kept = row.snapshots.order_by("-seen_at", "-pk").values_list("pk", flat=True)[:KEPT]
    row.snapshots.exclude(pk__in=list(kept)).delete()


def measure(row: DatabaseInstance, model: Model | None = None) -> None:
    """Compare what was last read with what is declared; a new drift is told. Within a transaction.

    A switched-off instance, and one that nothing is declared for, has no drift.
    """
    held = selectors.snapshot(row) if model is None else None
    there = stored.parse(held.model) if held else model
    declared = selectors.expected(row)
    found: list[dict[str, Any]] = []
    if there is not None and declared is not None and row.active:
        wanted = stored.parse(declared.model)
        found = selectors.plain(selectors.drift_of(there, wanted, row.ignoring))
    digest = _digest(found)
    if digest == row.drift_digest:
        return
    count, row.drift_digest = row.drift_count, digest
    row.drift, row.drift_count = found[:MAX_TOLD], len(found)
    row.drifted_at = timezone.now() if found else None
    row.save(update_fields=["drift", "drift_count", "drift_digest", "drifted_at"])
    _tell(row, before=count)


def _digest(found: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(found).encode()).hexdigest() if found else ""


def _tell(row: DatabaseInstance, *, before: int) -> None:
    """The audit trail is where notifications and people read it."""
    count = row.drift_count
    words = "is as declared again" if not count else f"differs from its declaration ({count})"
    sentences = [one["sentence"] for one in row.drift[:MAX_AUDITED]]
    audit.record(
        _ACTOR,
        DRIFT,
        target=row.database,
        scope=row.scope,
        before={"differences": before},
        after={"environment": row.place, "differences": count, "first": sentences},
        reason=f"{row} {words}.",
    )
    events.hint(TOPIC, {"id": row.database_id}, scope=row.database.project.scope_id)
