"""Freezes: nothing is applied at or below a place for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from idp.changes import events
from idp.changes.models import Freeze
from idp.changes.services import rows
from idp.common.errors import FieldError, Invalid, StaleState
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope

MAX_DAYS = 60
MAX_AHEAD = 400


def freeze(
    actor: Actor,
    scope: Scope,
    reason: str,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Freeze:
    """Hold every change at or below `scope` from `starts_at` (now) to `ends_at` (in one day)."""
    require(actor, "freeze.manage", scope)
    user = rows.user(actor, "freeze")
    now = timezone.now()
    starts = starts_at or now
    if abs(starts - now) > timedelta(days=MAX_AHEAD):
        message = f"The start must lie within {MAX_AHEAD} days."
        raise Invalid(
            message, errors=[FieldError("starts_at", "range", message, "Choose another.")]
        )
    ends = ends_at or starts + timedelta(days=1)
    if ends <= max(starts, now) or ends - starts > timedelta(days=MAX_DAYS):
        message = f"The end must lie after the start and ahead, at most {MAX_DAYS} days later."
        raise Invalid(message, errors=[FieldError("ends_at", "range", message, "Choose another.")])
    reason = rows.text(reason, field="reason", required=True)
    with transaction.atomic():
        row = Freeze.objects.create(
            scope=scope, reason=reason[:300], author=user, starts_at=starts, ends_at=ends
        )
        _tell(actor, row, "freeze.start")
    return row


def lift_freeze(actor: Actor, row: Freeze) -> Freeze:
    """End a freeze now; the controller lets the waiting changes go."""
    require(actor, "freeze.manage", row.scope)
    user = rows.user(actor, "lift a freeze")
    with transaction.atomic():
        now = timezone.now()
        if not Freeze.objects.filter(pk=row.pk, lifted_at=None, ends_at__gt=now).update(
            lifted_at=now, lifted_by=user
        ):
            raise StaleState("The freeze was lifted or has ended already.")
        row.refresh_from_db()
        _tell(actor, row, "freeze.lift")
    return row


def _tell(actor: Actor, row: Freeze, action: str) -> None:
    audit.record(
        actor,
        action,
        target=row,
        scope=row.scope,
        after={
            "reason": row.reason,
            "from": row.starts_at.isoformat(),
            "until": row.ends_at.isoformat(),
        },
    )
    events.hint("changes", {"freeze": row.pk}, scope=row.scope_id)
