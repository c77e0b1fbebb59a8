"""Waivers: leave from one gate, with a reason, a second person and an end."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from idp.changes import events, gates, people
from idp.changes.models import Change, Waiver
from idp.changes.services import rows
from idp.common.errors import FieldError, Forbidden, Invalid, StaleState
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope

MAX_DAYS = 7


def ask_waiver(
    actor: Actor,
    *,
    scope: Scope,
    gate: str,
    reason: str,
    ends_at: datetime,
    change: Change | None = None,
) -> Waiver:
    """Ask to be let past a gate until `ends_at`; counts once somebody else has granted it."""
    require(actor, "change.view", scope)
    user = rows.person(actor, "ask for a waiver")
    _check_gate(gate)
    check_end(ends_at)
    reason = rows.text(reason, field="reason", required=True)
    with transaction.atomic():
        waiver = Waiver.objects.create(
            scope=scope, change=change, gate=gate, reason=reason, author=user, ends_at=ends_at
        )
        tell(actor, waiver, "waiver.ask")
    return waiver


def check_end(ends_at: datetime) -> None:
    """Refuse an end that is past or too far away."""
    now = timezone.now()
    if not now < ends_at <= now + timedelta(days=MAX_DAYS):
        raise Invalid(
            "The end of a waiver lies ahead.",
            errors=[
                FieldError("ends_at", "range", f"At most {MAX_DAYS} days.", "Choose a nearer day.")
            ],
        )


def _check_gate(name: str) -> None:
    waivable = sorted(g.name for g in gates.registered() if g.waivable)
    if name not in waivable:
        raise Invalid(
            f"“{name[:60]}” is no gate that can be waived.",
            errors=[
                FieldError("gate", "choice", "Unknown gate.", f"One of {', '.join(waivable)}.")
            ],
        )


def grant_waiver(actor: Actor, waiver: Waiver) -> Waiver:
    """Let it count; never by the person who asked for it or for the change it lets past.

    Waiting changes look again.
    """
    require(actor, "gate.waive", waiver.scope)
    user = rows.person(actor, "grant a waiver")
    if user.pk == waiver.author_id:
        raise Forbidden(
            "You asked for this waiver, so someone else must grant it.",
            fix=f"Ask another person with gate.waive at {waiver.scope}.",
        )
    if waiver.change is not None and user.pk in people.asked(waiver.change):
        raise Forbidden(
            "You asked for this change or confirmed it, so someone else must grant its waiver.",
            fix=f"Ask another person with gate.waive at {waiver.scope}.",
        )
    with transaction.atomic():
        granted = Waiver.objects.filter(
            pk=waiver.pk, approver=None, revoked_at=None, ends_at__gt=timezone.now()
        ).update(approver=user, approved_at=timezone.now())
        if not granted:
            raise StaleState("The waiver was granted, revoked or has ended already.")
        waiver.refresh_from_db()
        tell(actor, waiver, "waiver.grant")
        _wake(waiver)
    return waiver


def revoke_waiver(actor: Actor, waiver: Waiver, answer: str = "") -> Waiver:
    """Decline what was asked for, or end it now; what started under it is not stopped.

    Whoever declines another's wish for leave (`about`) says why. One's own is always withdrawn.
    """
    own = actor.user is not None and actor.user.pk == waiver.author_id
    if not own:
        require(actor, "gate.waive", waiver.scope)
    answer = rows.text(answer, field="answer", required=bool(waiver.about) and not own)
    with transaction.atomic():
        changed = Waiver.objects.filter(pk=waiver.pk, revoked_at=None).update(
            revoked_at=timezone.now(), revoked_by=actor.user, answer=answer
        )
        if not changed:
            raise StaleState("The waiver was revoked already.")
        waiver.refresh_from_db()
        tell(actor, waiver, "waiver.decline" if waiver.standing == "declined" else "waiver.revoke")
        _wake(waiver)
    return waiver


def _wake(waiver: Waiver) -> None:
    """The change's gates are asked again: by a worker where it waits, at once where it is read."""
    if waiver.change is not None:
        rows.ask_again(waiver.change)


def tell(actor: Actor, waiver: Waiver, action: str) -> None:
    """Write it into the audit trail, and let pages know."""
    audit.record(
        actor,
        action,
        target=waiver,
        scope=waiver.scope,
        after={
            "gate": waiver.gate,
            **({"about": waiver.about} if waiver.about else {}),
            "reason": waiver.reason,
            **({"answer": waiver.answer} if waiver.answer else {}),
            "until": waiver.ends_at.isoformat(),
        },
        change_id=waiver.change_id,
    )
    if waiver.change is not None:
        events.emit(waiver.change, "gate", {"by": actor.label, "waiver": action})
    events.hint("inbox", {"waiver": waiver.pk}, scope=waiver.scope_id)
