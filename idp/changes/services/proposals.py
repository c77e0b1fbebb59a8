"""Proposing, confirming, cancelling and planning anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.changes import endings, events, kinds, people
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.changes.services import rows
from idp.common.errors import Clash, FieldError, Invalid, StaleState
from idp.common.transitions import transition
from rbac import audit
from rbac.access import can, require
from rbac.actors import Actor
from rbac.models import Scope

MAX_KEY = 120


def propose(
    actor: Actor,
    *,
    kind: str,
    verb: str,
    scope: Scope,
    title: str,
    intent: dict[str, Any],
    origin: str,
    interactive: bool = True,
    idempotency_key: str = "",
    message: str = "",
    behind: Collection[int] = (),
) -> Change:
    """A new change in state `planning`, or the one that the same actor and key made before.

    `behind`: ids of further people whose work it is, and who therefore cannot approve it.

    Raises `Forbidden` or `NotVisible` without `verb` at the scope, `Clash` when the key belongs to
    another request. Audited; a worker starts to plan after the commit.
    """
    kinds.get(kind)
    require(actor, verb, scope)
    if len(idempotency_key) > MAX_KEY:
        raise Invalid(f"Idempotency-Key is longer than {MAX_KEY} characters.", fix="Send a UUID.")
    made = _answered(actor, idempotency_key, verb, scope)
    if made is not None:
        return made
    change = Change(
        kind=kind,
        verb=verb,
        scope=scope,
        title=title[:200],
        message=rows.text(message, field="message"),
        actor=actor.user,
        actor_label=actor.label,
        token=actor.token,
        origin=origin,
        intent=intent,
        interactive=interactive,
        idempotency_key=idempotency_key,
        behind=people.written(behind),
    )
    try:
        with transaction.atomic():
            change.save()
            _tell(actor, change, "change.propose", {"title": change.title, "verb": verb})
            rows.send(change)
    except IntegrityError:
        made = _answered(actor, idempotency_key, verb, scope)
        if made is None:
            raise
        return made
    return change


def made_before(actor: Actor, key: str) -> Change | None:
    """The change that the actor made with this key, whatever it is."""
    if not key:
        return None
    rows_ = Change.objects.filter(idempotency_key=key, actor=actor.user)
    if actor.user is None:
        rows_ = rows_.filter(actor_label=actor.label)
    return rows_.select_related("scope").first()


def key_used(change: Change) -> Clash:
    """What is said when a key comes again with another wish."""
    return Clash(
        f"The Idempotency-Key was used for change {change.pk}, “{change.title}”.",
        fix="Send another key for another request.",
    )


def _answered(actor: Actor, key: str, verb: str, scope: Scope) -> Change | None:
    change = made_before(actor, key)
    if change is not None and (change.verb, change.scope_id) != (verb, scope.pk):
        raise key_used(change)
    return change


def _tell(actor: Actor, change: Change, action: str, after: dict[str, Any] | None = None) -> None:
    audit.record(actor, action, target=change, scope=change.scope, after=after, change_id=change.pk)
    events.moved(change)


def confirm(
    actor: Actor, change: Change, plan_hash: str, choices: Mapping[str, str] | None = None
) -> Change:
    """Bind the change to the plan that was read; it then goes by itself when its gates pass.

    Raises `PreconditionFailed` for another plan, `StaleState` in another state, and `Invalid` with
    an error for each loss that nobody decided.
    """
    require(actor, change.verb, change.scope)
    with rows.locked(change) as row:
        rows.expect(row, Change.State.READY, to="confirmed")
        rows.expect_plan(row, plan_hash)
        plan = _chosen(row, dict(choices or {}))
        transition(
            row,
            Change.State.WAITING,
            reason="",
            intent=row.intent,
            plan=plan.to_json(),
            plan_hash=plan.bound_hash,
            confirmed_hash=plan.bound_hash,
            confirmed_by=actor.user,
            confirmed_at=timezone.now(),
            confirm_until=None,  # from here on it waits for its gates, however long
            not_before=None,
        )
        _tell(
            actor,
            row,
            "change.confirm",
            {"plan": row.plan_hash, "choices": row.intent.get("choices", {})},
        )
        rows.send(row)
    return row


def _chosen(change: Change, choices: dict[str, str]) -> Plan:
    """The plan with every loss decided; the choices are kept in the change's intent."""
    plan = Plan.from_json(change.plan or {})
    kept = {**change.intent.get("choices", {}), **choices}
    losses = {a.key: a for a in plan.actions if a.loss}
    kept = {key: choice for key, choice in kept.items() if key in losses}
    plan = plan.with_choices(kept)
    if plan.undecided:
        errors = [
            FieldError(
                f"choices.{a.key}",
                "loss",
                f"{a.kind} {a.name}: {a.loss.sentence}" if a.loss else "",
                f"Choose {' or '.join(a.loss.choices)}." if a.loss else "",
            )
            for a in plan.undecided
        ]
        names = ", ".join(f"{a.kind} {a.name}" for a in plan.undecided)
        raise Invalid(f"Nobody has chosen what becomes of {names}.", errors=errors)
    if kept:
        change.intent = {**change.intent, "choices": kept}
    return plan


def replan(actor: Actor, change: Change) -> Change:
    """Plan again, from the world as it is; what was confirmed holds only for the same plan."""
    require(actor, change.verb, change.scope)
    with rows.locked(change) as row:
        rows.expect(row, Change.State.READY, Change.State.WAITING, to="planned anew")
        transition(
            row,
            Change.State.PLANNING,
            reason="",
            failures=0,
            not_before=None,
            lease_token=row.lease_token + 1,
            lease_until=None,
        )
        _tell(actor, row, "change.replan")
        rows.send(row)
    return row


def cancel(actor: Actor, change: Change) -> Change:
    """Stop the change: at once where nothing runs, else after the running step.

    Who asked for a change may cancel it while they may ask for it; anybody else, and they too by
    then, needs `change.cancel`.
    """
    own = actor.user is not None and actor.user.pk == change.actor_id
    may = own and can(actor, change.verb, change.scope)
    require(actor, change.verb if may else "change.cancel", change.scope)
    with rows.locked(change) as row:
        if row.state not in Change.OPEN:
            raise StaleState(f"Change {row.pk} has ended already: {row.get_state_display()}.")
        row.cancel_requested_at = row.cancel_requested_at or timezone.now()
        row.cancel_requested_by = row.cancel_requested_by or actor.user
        row.not_before = None  # a back-off is no reason to wait any longer
        row.save(update_fields=["cancel_requested_at", "cancel_requested_by", "not_before"])
        audit.record(actor, "change.cancel", target=row, scope=row.scope, change_id=row.pk)
        if row.state == Change.State.APPLYING:
            events.moved(row)
            rows.send(row)
        elif row.state == Change.State.OBSERVING:
            endings.end(
                row,
                Change.State.CANCELLED,
                reason=f"{actor.label} stopped the watch; everything was applied and stays.",
            )
        else:
            reason = f"{actor.label} cancelled it before anything was done."
            endings.end(row, Change.State.CANCELLED, reason=reason)
    return row
