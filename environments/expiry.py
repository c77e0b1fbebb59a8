"""The end of environments: warned of a day and two hours before, then deleted by a change.

The controller calls `look` about every minute; each step is safe to repeat.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from environments.models import Environment
from environments.services import edits
from environments.services.day2 import PURGED_TIERS, choices_for, delete_environment
from environments.services.edits import Options
from gitops.models import ManagedObject
from idp.changes import events
from idp.changes.models import Change
from idp.common.errors import SlipwayError
from rbac import audit
from rbac.actors import system

log = logging.getLogger(__name__)
WARNINGS = (timedelta(hours=24), timedelta(hours=2))
RETRY = timedelta(minutes=15)
REMIND = timedelta(days=1)
BATCH = 100
EVERY_SECONDS = 60
_ACTOR = system("expiry")
_ALIVE = (Environment.State.ACTIVE, Environment.State.STOPPED, Environment.State.CREATING)


def look() -> None:
    """Warn of what ends soon and delete what has ended; one bad environment stops no other."""
    now = timezone.now()
    for environment in _due_for_warning(now):
        _warn(environment, now)
    for environment in _expired(now):
        try:
            until = edits.lasts_until(environment)
            if until is None or until > now:
                log.warning("%s is not deleted: main lets it last until %s", environment, until)
                continue
            if volumes := _volumes_in_the_way(environment):
                _hold(environment, volumes, now)
                continue
            _delete(environment)
        except SlipwayError as error:
            log.warning("expiry of %s: %s", environment, error.message)


def _due_for_warning(now: datetime) -> list[Environment]:
    """Those inside a warning's window that were not warned since it began."""
    rows = Environment.objects.filter(
        state__in=_ALIVE, expires_at__gt=now, expires_at__lte=now + max(WARNINGS)
    )
    late = now + min(WARNINGS)
    first = Q(warned_at=None)
    second = Q(expires_at__lte=late) & Q(warned_at__lt=F("expires_at") - min(WARNINGS))
    found = rows.filter(first | second).select_related("project", "scope")
    return list(found.order_by("expires_at")[:BATCH])


def _warn(environment: Environment, now: datetime) -> None:
    """Say it once a window: in the audit trail, where notifications read, and to open lists."""
    if not Environment.objects.filter(pk=environment.pk, warned_at=environment.warned_at).update(
        warned_at=now
    ):
        return
    ends = environment.expires_at
    audit.record(
        _ACTOR,
        "environment.expires-soon",
        target=environment,
        scope=environment.scope,
        after={"expires_at": ends},
        reason=f"{environment} expires at {ends:%Y-%m-%d %H:%M} UTC and is then deleted.",
    )
    _tell(environment)


def _expired(now: datetime) -> list[Environment]:
    rows = Environment.objects.filter(state__in=_ALIVE, expires_at__lte=now)
    busy = Change.objects.filter(verb="environment.delete").filter(
        Q(state__in=Change.OPEN) | Q(finished_at__gt=now - RETRY)
    )
    rows = rows.exclude(scope__in=busy.values("scope")).exclude(
        ~Q(tier__in=PURGED_TIERS),
        application__in=_volumes().values("application"),
        warned_at__gte=F("expires_at"),
        warned_at__gt=now - REMIND,
    )
    related = rows.select_related("project", "scope", "application__repository__project")
    return list(related.order_by("expires_at")[:BATCH])


def _volumes() -> QuerySet[ManagedObject]:
    rows = ManagedObject.objects.filter(kind="PersistentVolumeClaim")
    return rows.exclude(state=ManagedObject.State.RETAINED)


def _volumes_in_the_way(environment: Environment) -> list[str]:
    """Volumes of a tier that keeps its data: they go with their namespace, so a person decides."""
    if environment.tier in PURGED_TIERS:
        return []
    rows = _volumes().filter(application=environment.application_id)
    return list(rows.order_by("name").values_list("name", flat=True))


def _hold(environment: Environment, volumes: list[str], now: datetime) -> None:
    """Say once a day why it is still there, and what a person can do."""
    rows = Environment.objects.filter(pk=environment.pk, warned_at=environment.warned_at)
    if not rows.update(warned_at=now):
        return
    audit.record(
        _ACTOR,
        "environment.expiry-held",
        target=environment,
        scope=environment.scope,
        after={"expires_at": environment.expires_at, "volumes": volumes[:20]},
        reason=f"{environment} expired at {environment.expires_at:%Y-%m-%d %H:%M} UTC and is not"
        f" deleted: volume {', '.join(volumes[:5])} would be lost with it. Copy what you need and"
        " delete it, or extend it.",
    )
    _tell(environment)


def _tell(environment: Environment) -> None:
    events.hint("environments", {}, scope=environment.scope_id, one=True)


def _delete(environment: Environment) -> Change:
    purge = environment.tier in PURGED_TIERS
    kept = "and what its resources hold is removed with it" if purge else "its resources are kept"
    return delete_environment(
        _ACTOR,
        environment,
        choices=choices_for(environment, "purge" if purge else "retain"),
        options=Options(
            origin=Change.Origin.EXPIRY,
            interactive=False,
            message=f"It expired at {environment.expires_at:%Y-%m-%d %H:%M} UTC;"
            f" as a {environment.tier} environment {kept}.",
        ),
    )
