"""The drift of a place: computed outside any transaction, kept if nothing moved meanwhile.

What it depends on (the last snapshot, the expected version, what is ignored) raises the instance's
`revision` in the transaction that changes it. `measure` compares for the revision that it saw and
writes by compare-and-set on it: a message that is lost, late or doubled harms nothing, for
`send_stale` finds whatever was not measured. A drift is told once: when it appears, when it becomes
another, and when it is gone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from idp.changes import events
from idp.common import jobs
from idp.common.errors import SlipwayError
from rbac import audit
from rbac.actors import system
from schemas.databases import selectors
from schemas.databases.models import DatabaseInstance
from schemas.relational import stored
from schemas.relational.diff import TOOLS, without
from schemas.relational.model import Model

TASK = "schemas.measure_database"
MAX_TOLD = 500  # differences that are kept with an instance; all are counted
MAX_AUDITED = 20
BATCH = 50  # a round
TRIES = 3  # what moves faster is measured by the next round
DRIFT = "database.drift"
TOPIC = "databases"
_ACTOR = system("databases")


@dataclass(frozen=True)
class Measured:
    """What one comparison found: differences, or the version that it has."""

    differences: list[dict[str, Any]]
    reached: int = 0  # the version that it is equal to; 0: none
    behind: bool = False  # that is an earlier one than it should have
    failure: SlipwayError | None = None

    @property
    def digest(self) -> str:
        text = json.dumps(self.differences)
        return hashlib.sha256(text.encode()).hexdigest() if self.differences else ""


def ask(rows: QuerySet[DatabaseInstance]) -> None:
    """Have these measured again, within the transaction that changed what their drift rests on."""
    keys = list(rows.values_list("pk", flat=True))
    DatabaseInstance.objects.filter(pk__in=keys).update(revision=F("revision") + 1)
    for pk in keys:
        jobs.enqueue(TASK, pk=pk)


def send_stale() -> int:
    """Send again what nobody has measured since it moved; how many were sent."""
    keys = list(
        DatabaseInstance.objects.filter(_stale())
        .order_by("pk")
        .values_list("pk", flat=True)[:BATCH]
    )
    for pk in keys:
        jobs.send(TASK, {"pk": pk})
    return len(keys)


def _stale() -> Q:
    return ~Q(measured=F("revision"))


def measure(pk: int) -> bool:
    """Bring the drift of one instance up to date; whether this call did.

    A switched-off instance, and one that nothing is declared for, has none.
    """
    for _ in range(TRIES):
        rows = DatabaseInstance.objects.filter(_stale(), pk=pk)
        row = rows.select_related("database__project", "scope", "expected").first()
        if row is None:
            return False
        if _keep(row, _compare(row)):
            return True
    return False


def _compare(row: DatabaseInstance) -> Measured:
    held, declared = selectors.snapshot(row), selectors.expected(row)
    if held is None or declared is None or not row.active:
        return Measured([])
    try:
        there, wanted = stored.parse(held.model), stored.parse(declared.model)
        found = selectors.plain(selectors.drift_of(there, wanted, row.ignoring))
        if not found:
            return Measured([], declared.number)
        earlier = _still_has(row, there, declared.number)
        return Measured([], earlier, behind=True) if earlier else Measured(found)
    except SlipwayError as error:
        return Measured([], failure=error)


def _still_has(row: DatabaseInstance, there: Model, below: int) -> int:
    """The number of the earlier version that it has: the last one it had, or one by its digest."""
    rows = row.database.versions.filter(number__lt=below)
    last = rows.filter(number=row.reached).first()
    if last is not None:
        same = not selectors.drift_of(there, stored.parse(last.model), row.ignoring)
        if same:
            return last.number
    digest = stored.digest(without(there, (*TOOLS, *row.ignoring)))
    found = rows.filter(digest=digest).order_by("-number").values_list("number", flat=True)
    return found.first() or 0


@transaction.atomic
def _keep(row: DatabaseInstance, found: Measured) -> bool:
    """Write it unless the instance moved or another worker was faster; a new drift is told."""
    same = DatabaseInstance.objects.filter(pk=row.pk, revision=row.revision, measured=row.measured)
    values: dict[str, Any] = {"measured": row.revision}
    if found.reached:
        values["reached"] = found.reached
    if found.failure is None:
        values["behind"] = found.behind
    else:
        values |= {"error": found.failure.message[:2000], "fix": found.failure.fix[:1000]}
    moved = found.failure is None and found.digest != row.drift_digest
    if moved:
        values |= {
            "drift": found.differences[:MAX_TOLD],
            "drift_count": len(found.differences),
            "drift_digest": found.digest,
            "drifted_at": timezone.now() if found.differences else None,
        }
    if not same.update(**values):
        return False
    if moved:
        _tell(row, found)
    return True


def _tell(row: DatabaseInstance, found: Measured) -> None:
    """The audit trail is where notifications and people read it."""
    count = len(found.differences)
    equal = (
        f"is as declared in version {found.reached}" if found.reached else "is no longer compared"
    )
    words = equal if not count else f"differs from its declaration ({count})"
    sentences = [one["sentence"] for one in found.differences[:MAX_AUDITED]]
    audit.record(
        _ACTOR,
        DRIFT,
        target=row.database,
        scope=row.scope,
        before={"differences": row.drift_count},
        after={"environment": row.place, "differences": count, "first": sentences},
        reason=f"{row} {words}.",
    )
    events.hint(TOPIC, {"id": row.database_id}, scope=row.database.project.scope_id)
