"""Leave of others: those whom a gate named are asked to let past just what it refused."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction

from idp.changes.models import MAX_ABOUT, Change, Waiver
from idp.changes.services import rows, waivers
from idp.common.errors import FieldError, Invalid, StaleState
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Scope


def ask_leave(
    actor: Actor,
    change: Change,
    *,
    gate: str,
    reason: str,
    ends_at: datetime,
    about: Collection[tuple[int, str]] | None = None,
) -> list[Waiver]:
    """Ask for what a gate refuses this change, a waiver for each cause; `about` names some of them.

    Whoever may make the change may ask, at places too that they do not see: the gate's answer names
    them. Those who were asked already are not asked again. Raises `Invalid` and `StaleState`.
    """
    require(actor, change.verb, change.scope)
    user = rows.person(actor, "ask for leave")
    waivers.check_end(ends_at)
    reason = rows.text(reason, field="reason", required=True)
    with rows.locked(change) as row:
        rows.expect(row, Change.State.READY, Change.State.WAITING, to="let past")
        wanted = _wanted(row, gate, about)
        made = [
            Waiver(change=row, gate=gate, reason=reason, author=user, ends_at=ends_at, **one)
            for one in wanted
            if not _stands(gate, one)
        ]
        if not made:
            raise StaleState("They were asked already.", fix="Wait for the answer, or withdraw it.")
        for waiver in made:
            waiver.save()
            waivers.tell(actor, waiver, "waiver.ask")
    return made


def ask_at(
    actor: Actor,
    *,
    scope: Scope,
    gate: str,
    about: str,
    told: str,
    url: str,
    reason: str,
    ends_at: datetime,
) -> Waiver:
    """Ask for one cause at one place, without a change; the caller has decided who may ask.

    Raises `Invalid`, and `StaleState` where the same was asked for or given and holds still.
    """
    user = rows.person(actor, "ask for leave")
    waivers.check_end(ends_at)
    reason = rows.text(reason, field="reason", required=True)
    one = {"scope": scope, "about": about[:MAX_ABOUT], "told": told, "url": url[:500]}
    if _stands(gate, one):
        raise StaleState("It was asked for already.", fix="Wait for the answer, or withdraw it.")
    with transaction.atomic():
        waiver = Waiver.objects.create(
            gate=gate, reason=reason, author=user, ends_at=ends_at, **one
        )
        waivers.tell(actor, waiver, "waiver.ask")
    return waiver


def offered(change: Change, gate: str) -> list[dict[str, Any]]:
    """Whom a gate's last answer named, as it was kept."""
    return [
        dict(leave)
        for answer in change.gates
        if answer["gate"] == gate
        for leave in answer.get("leave", ())
    ]


def _wanted(
    change: Change, gate: str, about: Collection[tuple[int, str]] | None
) -> list[dict[str, Any]]:
    found = offered(change, gate)
    if about is not None:
        found = [one for one in found if (one["scope"], one["about"]) in about]
    places = Scope.objects.in_bulk([one["scope"] for one in found])
    if not places:
        message = "The gate names nobody whose leave would help."
        raise Invalid(
            message,
            errors=[FieldError("gate", "choice", message, "Look at the plan again.")],
        )
    return [
        {
            "scope": places[one["scope"]],
            "about": str(one["about"])[:MAX_ABOUT],
            "told": str(one["sentence"]),
            "url": str(one["url"])[:500],
        }
        for one in found
        if one["scope"] in places
    ]


def _stands(gate: str, one: dict[str, Any]) -> bool:
    """Whether the same was asked for, or given, and holds still."""
    same = Waiver.objects.filter(gate=gate, scope=one["scope"], about=one["about"])
    return any(waiver.standing in {"asked", "granted"} for waiver in same.order_by("-pk")[:20])
