"""Who declared that they read tables and columns of a database, and what that means for a change.

`environment.yaml` says it in a plan's fact, which is recorded when the change succeeded; a running
program says it by a check-in, which counts until its time to live is over. Nobody guesses it from
queries. The lint, the differences and the gate name who reads what would go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from idp.changes import people
from idp.changes.models import Change
from idp.common.errors import Clash, Refusal
from portal.models import Component
from rbac import audit
from rbac.access import can, require, visible
from rbac.actors import Actor
from rbac.models import Scope
from rbac.services.writing import refuse
from schemas.databases.models import Database, DatabaseReader
from schemas.dependants.parties import team_of
from schemas.dependants.worlds import home_of
from schemas.permissions import CHECK_IN, DATABASE_VIEW

FACT = "database_reads"  # its name among a plan's facts
MAX_READS = 50  # databases that one environment reads
MAX_PATHS, MAX_PATH = 200, 200
MAX_READERS = 500  # of one database
MAX_HOURS, DEFAULT_HOURS = 24 * 30, 24
SHOWN = 3
Known = DatabaseReader.Known


@dataclass(frozen=True)
class Read:
    """What a workload reads of a database, as `environment.yaml` says it."""

    database: str  # project/name
    tables: tuple[str, ...]
    workload: str = ""
    component: str = ""


def to_fact(reads: Iterable[Read]) -> list[dict[str, Any]]:
    return [{**asdict(one), "tables": list(one.tables)} for one in reads]


def of_facts(facts: Mapping[str, Any]) -> list[Read]:
    """What a plan says; nothing where it says nothing."""
    return [Read(**{**one, "tables": tuple(one["tables"])}) for one in facts.get(FACT, [])]


# -- who reads what -----------------------------------------------------------------------------


def readers_of(database: Database) -> list[DatabaseReader]:
    """Who declared that they read anything of it and whose word still counts."""
    rows = DatabaseReader.objects.filter(_counts(), database=database)
    related = ("component__owner", "scope__tier_scope", "scope__project_scope__project__team")
    return list(rows.select_related(*related).order_by("holder", "pk")[:MAX_READERS])


def declared_by(actor: Actor, scope: Scope) -> list[DatabaseReader]:
    """What programs of an environment read, of databases that the actor may see."""
    rows = DatabaseReader.objects.filter(_counts(), scope=scope)
    rows = visible(actor, DATABASE_VIEW, rows.select_related("database__project"))
    return list(rows.order_by("database", "holder")[:MAX_READERS])


def _counts() -> Q:
    return Q(expires_at=None) | Q(expires_at__gt=timezone.now())


def touching(readers: Iterable[DatabaseReader], path: str) -> list[DatabaseReader]:
    """Those who read the object at a path, something in it, or the whole that it is part of."""
    return [one for one in readers if path and any(_meet(read, path) for read in one.paths)]


def _meet(read: str, path: str) -> bool:
    return read == path or path.startswith(f"{read}.") or read.startswith(f"{path}.")


def words(one: DatabaseReader) -> str:
    """Who it is: `billing-api of team billing in billing/stage`."""
    team = one.component.owner.name if one.component else team_of(one.scope)
    return f"{one.holder} of team {team} in {one.scope.label}"


def read_by(readers: Iterable[DatabaseReader], path: str) -> str:
    """A sentence that names who declared that they read it; empty where nobody did."""
    found = touching(readers, path)
    if not found:
        return ""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"Declared to be read by {', '.join(map(words, found[:SHOWN]))}{more}."


# -- check-ins ----------------------------------------------------------------------------------


@transaction.atomic
def check_in(
    actor: Actor,
    database: Database,
    scope: Scope,
    *,
    holder: str,
    tables: Sequence[str],
    hours: int = DEFAULT_HOURS,
) -> tuple[DatabaseReader, bool]:
    """Keep that a program reads these tables or columns, and whether it is new.

    The same word again moves its end. Raises `Refusal` where a database has too many readers.
    """
    if scope.kind != Scope.Kind.ENVIRONMENT:
        raise refuse("environment", "kind", f"{scope} is no environment.", "Write orders/stage.")
    require(actor, DATABASE_VIEW, database)
    require(actor, CHECK_IN, scope)
    Database.objects.select_for_update().get(pk=database.pk)  # so that all count the same
    rows = database.readers.filter(scope=scope, holder=holder, known=Known.CHECK_IN)
    row, now = rows.first(), timezone.now()
    is_new = row is None
    if row is None:
        if database.readers.filter(_counts()).count() >= MAX_READERS:
            message = f"{database} has {MAX_READERS} readers already, which is the most."
            raise Refusal(message, fix="Wait until some check-ins end.")
        row = DatabaseReader(database=database, scope=scope, holder=holder, known=Known.CHECK_IN)
        row.component = _component(holder, scope)
    before, row.paths = row.paths, sorted(set(tables))
    row.seen_at, row.expires_at = now, now + timedelta(hours=hours)
    row.said_by = actor.label[:200]
    row.save()
    if before != row.paths:
        after = {"database": str(database), "holder": holder, "tables": row.paths}
        audit.record(actor, CHECK_IN, target=database, scope=scope, after=after)
    return row, is_new


@transaction.atomic
def check_out(actor: Actor, row: DatabaseReader) -> None:
    """Forget a check-in; raises `Clash` for what `environment.yaml` declares."""
    require(actor, CHECK_IN, row.scope)
    if row.known == Known.DECLARED:
        raise Clash(
            f"{row.scope} declares it in environment.yaml.",
            fix="Remove it there, under spec.schemas.reads.",
        )
    before = {"database": str(row.database), "holder": row.holder, "tables": row.paths}
    audit.record(actor, CHECK_IN, target=row.database, scope=row.scope, before=before)
    row.delete()


def _component(name: str, scope: Scope) -> Component | None:
    return Component.objects.filter(
        name=name, project__scope=home_of(scope), removed_at=None
    ).first()


# -- what environments declare ------------------------------------------------------------------


def by_path(paths: Iterable[str]) -> dict[str, Database]:
    """The databases of these paths (`orders/main`), whoever asks."""
    wanted = Q(pk=None)
    for path in paths:
        project, _, name = path.partition("/")
        wanted |= Q(project__name=project, name=name)
    rows = Database.objects.filter(wanted).select_related("project__scope", "project__team")
    return {str(row): row for row in rows}


def unknown(change: Change, reads: Sequence[Read]) -> list[str]:
    """The databases that a plan reads and that are not there, or not to be seen by its actor."""
    if not reads:
        return []
    actor, found = people.actor_of_change(change), by_path(one.database for one in reads)
    seen = {path for path, row in found.items() if can(actor, DATABASE_VIEW, row)}
    return sorted({one.database for one in reads} - seen)


def record(scope: Scope, change: Change | None, facts: Mapping[str, Any]) -> None:
    """Take over what a succeeded change's plan reads, in place of what was declared before."""
    if FACT not in facts:
        return
    reads = of_facts(facts)
    found, kept = by_path(one.database for one in reads), []
    for (database, holder), paths in _gathered(reads, scope).items():
        if database in found:
            row, _ = DatabaseReader.objects.update_or_create(
                database=found[database],
                scope=scope,
                holder=holder,
                known=Known.DECLARED,
                defaults={
                    "component": _component(holder, scope),
                    "paths": sorted(paths),
                    "change": change,
                    "seen_at": timezone.now(),
                },
            )
            kept.append(row.pk)
    _declared(scope).exclude(pk__in=kept).delete()


def _gathered(reads: Iterable[Read], scope: Scope) -> dict[tuple[str, str], set[str]]:
    """The paths by database and holder."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in reads:
        holder = one.component or one.workload or scope.name
        found.setdefault((one.database, holder), set()).update(one.tables)
    return found


def _declared(scope: Scope) -> QuerySet[DatabaseReader]:
    return DatabaseReader.objects.filter(scope=scope, known=Known.DECLARED)


def forget(scope: Scope) -> None:
    """The environment is gone: nobody reads there."""
    DatabaseReader.objects.filter(scope=scope).delete()


def sweep() -> None:
    """Drop check-ins past their end."""
    DatabaseReader.objects.filter(expires_at__lt=timezone.now()).delete()
