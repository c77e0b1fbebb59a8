"""Writes about databases: register them, and say where they live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.utils import timezone

from idp.changes import leases
from idp.common import jobs
from idp.common.errors import FieldError, Invalid
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project, Scope, Tier
from rbac.places import by_path
from rbac.scopes import tier_scope
from rbac.services.writing import refuse, save_new
from schemas.databases import measuring, reaching, snapshots
from schemas.databases.models import Database, DatabaseInstance, DatabaseVersion
from schemas.permissions import DATABASE_MANAGE, DATABASE_SNAPSHOT, DATABASE_VIEW

MAX_IGNORING, MAX_PATTERN = 50, 200
MAX_URL = 500


@transaction.atomic
def add_database(
    actor: Actor,
    project: Project,
    *,
    name: str,
    component: str = "",
    on_drift: str = Database.OnDrift.WARN,
) -> Database:
    """Register a database of a project; raises `Invalid` or `Clash`."""
    require(actor, DATABASE_MANAGE, project.scope)
    row = Database(
        project=project,
        keeper=tier_scope(project, Tier.DEVELOPMENT),
        name=name,
        component=component,
        on_drift=on_drift,
        created_by=actor.user,
    )
    save_new(row, f"The database {row}")
    _record(actor, row, after={"name": name, "component": component, "on_drift": on_drift})
    return row


@transaction.atomic
def change_database(actor: Actor, row: Database, **values: str) -> Database:
    """Change any of component (whose it is) and on_drift (`warn` or `refuse`)."""
    require(actor, DATABASE_MANAGE, row.project.scope)
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    _record(actor, row, before=before, after=values)
    return row


@transaction.atomic
def remove_database(actor: Actor, row: Database) -> None:
    """Forget a database with its versions and snapshots; what lives somewhere stays there."""
    require(actor, DATABASE_MANAGE, row.project.scope)
    _record(actor, row, before={"versions": row.last_version, "lives": row.instances.count()})
    row.delete()


# -- instances ----------------------------------------------------------------------------------


@transaction.atomic
def add_instance(
    actor: Actor,
    database: Database,
    *,
    environment: str,
    url: str,
    expected: int = 0,
    ignoring: list[str] | None = None,
    active: bool = True,
) -> DatabaseInstance:
    """Say where a database lives; the first look follows. Raises `Invalid` or `Clash`."""
    require(actor, DATABASE_MANAGE, database.project.scope)
    row = DatabaseInstance(
        database=database,
        scope=_place(database, environment),
        url=_url(url),
        expected=_expected(database, expected),
        ignoring=_patterns(ignoring or []),
        active=active,
    )
    save_new(row, f"An address of {database} in {row.scope}")
    _record(actor, database, after={"environment": row.place, "at": reaching.shown(url)})
    _ask(row)
    return row


@transaction.atomic
def change_instance(actor: Actor, row: DatabaseInstance, **values: Any) -> DatabaseInstance:
    """Change any of url, expected (0: the newest), ignoring and active."""
    require(actor, DATABASE_MANAGE, row.database.project.scope)
    database = row.database
    readers: dict[str, Callable[[Any], Any]] = {
        "url": _url,
        "expected": lambda number: _expected(database, number),
        "ignoring": _patterns,
        "active": bool,
    }
    before = {name: _shown(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, readers[name](value))
    row.save(update_fields=list(values))
    after = {name: _shown(row, name) for name in values}
    _record(actor, database, before=before, after={"environment": row.place, **after})
    if "url" in values or values.get("active"):
        _ask(row)
    if values:
        measuring.ask(DatabaseInstance.objects.filter(pk=row.pk))
    return row


@transaction.atomic
def remove_instance(actor: Actor, row: DatabaseInstance) -> None:
    require(actor, DATABASE_MANAGE, row.database.project.scope)
    _record(actor, row.database, before={"environment": row.place, "at": _shown(row, "url")})
    row.delete()


@transaction.atomic
def ask(actor: Actor, row: DatabaseInstance) -> DatabaseInstance:
    """Have an instance looked at now; a worker does it."""
    require(actor, DATABASE_VIEW, row.database)
    require(actor, DATABASE_SNAPSHOT, row.scope)
    if not row.active:
        raise Invalid(f"{row} is switched off.", fix="Switch it on first.")
    audit.record(actor, DATABASE_SNAPSHOT, target=row, scope=row.scope)
    _ask(row)
    return row


def _ask(row: DatabaseInstance) -> None:
    row.asked_at = timezone.now()
    row.save(update_fields=["asked_at"])
    leases.mark_sent(DatabaseInstance.objects.filter(pk=row.pk))
    jobs.enqueue(snapshots.TASK, pk=row.pk)


def _place(database: Database, environment: str) -> Scope:
    project = database.project.name
    found = by_path(f"{project}/{environment}") if environment.strip("/ ") else None
    below = found is not None and found.kind in {Scope.Kind.TIER, Scope.Kind.ENVIRONMENT}
    if found is None or not below:
        raise refuse(
            "environment",
            "exists",
            f"Project {project} has no environment or tier “{environment[:40]}”.",
            "Write the name of an environment, or of a tier such as staging.",
        )
    return found


def _url(url: str) -> str:
    if len(url) > MAX_URL:
        raise refuse("url", "longest", f"The URL has more than {MAX_URL} characters.")
    try:
        reaching.check_url(url)
    except Invalid as error:
        found = [FieldError("url", "url", error.message, error.fix)]
        raise Invalid(error.message, fix=error.fix, errors=found) from error
    return url


def _expected(database: Database, number: int) -> DatabaseVersion | None:
    if not number:
        return None
    found = database.versions.filter(number=number).first()
    if found is None:
        raise refuse("expected", "exists", f"{database} has no version {number}.")
    return found


def _patterns(given: list[str]) -> list[str]:
    """Fnmatch makes a regular expression of each: stars are few, so that none runs away."""
    if len(given) > MAX_IGNORING or any(
        not 0 < len(one) <= MAX_PATTERN or one.count("*") > _STARS for one in given
    ):
        raise refuse(
            "ignoring",
            "list",
            f"At most {MAX_IGNORING} paths of {MAX_PATTERN} characters with {_STARS} stars each.",
            "Write paths of objects as orders, audit.* or orders.note.",
        )
    return list(given)


_STARS = 3


def _shown(row: DatabaseInstance, name: str) -> Any:
    if name == "url":
        return reaching.shown(row.url)
    value = getattr(row, name)
    return value.number if isinstance(value, DatabaseVersion) else value


def _record(actor: Actor, row: Database, **told: Any) -> None:
    audit.record(actor, DATABASE_MANAGE, target=row, scope=row.project.scope, **told)
