"""What is deployed, as rows: written when a change succeeded, ended when the environment goes.

Called by the apps above whose changes bring code to environments, inside their transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from idp.changes import people
from idp.changes.models import Change
from portal.models import Component
from rbac import actors, audit
from rbac.models import Scope
from schemas.dependants.models import CheckIn, DeployedVersion, Role
from schemas.dependants.parties import SHARED_TIERS, tier_of
from schemas.dependants.sets import Entry, SchemaSet, versions_of
from schemas.dependants.worlds import holder_of, home_of
from schemas.models import SubjectVersion
from schemas.traffic.models import SeenTraffic

DEPLOYED = "schemas.deploy"  # in the audit trail
KEPT_DAYS = 400  # of what is no longer there and no longer readable

_Key = tuple[str, str, int, str]


def record(scope: Scope, change: Change | None, facts: Mapping[str, Any]) -> None:
    """Take over the set of a succeeded change's plan; a plan that names none changes nothing."""
    wanted = SchemaSet.of_facts(facts)
    if wanted is None:
        return
    found = versions_of(((entry.name, entry.version) for _, entry in wanted.entries), deleted=True)
    entries: dict[_Key, tuple[Entry, SubjectVersion]] = {}
    for role, entry in wanted.entries:
        row = found.get((entry.name, entry.version))
        if row is not None:
            entries[role.value, holder_of(entry, scope), row.pk, entry.revision] = (entry, row)
    now = timezone.now()
    rows = DeployedVersion.objects.filter(scope=scope, ended_at=None)
    current = list(rows.select_related("version__subject__context"))
    there = {(row.role, row.holder, row.version_id, row.revision): row for row in current}
    written = {key[2] for key in entries if key[0] == Role.PRODUCER}
    _end([row for key, row in there.items() if key not in entries], now, written)
    components = _components(scope, wanted)
    for key, (entry, row) in entries.items():
        known = there.get(key) or DeployedVersion(
            scope=scope, role=key[0], holder=key[1], version=row, revision=key[3], deployed_at=now
        )
        known.component = components.get(entry.component)
        known.workload, known.retention_days = entry.workload, entry.retained_days
        known.change = change
        known.save()
    _tell(scope, change, there.values(), [row for _, row in entries.values()])


def _tell(
    scope: Scope,
    change: Change | None,
    before: Iterable[DeployedVersion],
    after: Iterable[SubjectVersion],
) -> None:
    """One record for each change of what is there, by who asked for it."""
    was = sorted({f"{row.version.subject} version {row.version.number}" for row in before})
    now = sorted({f"{version.subject} version {version.number}" for version in after})
    if was == now:
        return
    audit.record(
        people.author(change) if change is not None else actors.system("schemas"),
        DEPLOYED,
        target=scope,
        scope=scope,
        before={"schemas": was},
        after={"schemas": now},
        change_id=change.pk if change is not None else None,
    )


def _components(scope: Scope, wanted: SchemaSet) -> dict[str, Component]:
    names = {entry.component for _, entry in wanted.entries if entry.component}
    rows = Component.objects.filter(name__in=names, project__scope=home_of(scope), removed_at=None)
    return {row.name: row for row in rows}


def _end(rows: Iterable[DeployedVersion], now: datetime, written: Collection[int] = ()) -> None:
    """Readers end at once; what a writer wrote stays as long as it said, unless it goes on."""
    for row in rows:
        days = row.retention_days if row.role == Role.PRODUCER else 0
        kept = days > 0 and row.version_id not in written
        row.ended_at = now
        row.retained_until = now + timedelta(days=days) if kept else None
        row.save(update_fields=["ended_at", "retained_until"])


def forget(scope: Scope) -> None:
    """The environment is gone: nobody reads there. What it wrote stays in a shared tier."""
    CheckIn.objects.filter(scope=scope).delete()
    SeenTraffic.objects.filter(scope=scope).delete()
    rows = DeployedVersion.objects.filter(scope=scope)
    _end(rows.filter(ended_at=None), timezone.now())
    if tier_of(scope) not in SHARED_TIERS:
        rows.exclude(retained_until=None).update(retained_until=None)


def sweep() -> None:
    """Drop check-ins past their end, and deployments that nobody can meet any more."""
    now = timezone.now()
    CheckIn.objects.filter(expires_at__lt=now).delete()
    old = DeployedVersion.objects.filter(ended_at__lt=now - timedelta(days=KEPT_DAYS))
    old.exclude(retained_until__gt=now).delete()
