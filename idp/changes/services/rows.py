"""What the services share: a locked change, its message, the checks on what people typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from idp.changes import gating, leases, people
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common import jobs
from idp.common.errors import FieldError, Forbidden, Invalid, PreconditionFailed, StaleState
from rbac.actors import Actor
from rbac.models import User

MAX_TEXT = 2_000


@contextmanager
def locked(change: Change) -> Iterator[Change]:
    """A transaction that holds the change's lock and yields the row as it is now."""
    with transaction.atomic():
        yield Change.objects.select_for_update().get(pk=change.pk)


def send(change: Change) -> None:
    """Have a worker look at the change; the sweeper does it again where the message is lost."""
    leases.mark_sent(Change.objects.filter(pk=change.pk))
    jobs.enqueue("changes.work", change_id=change.pk)


def ask_again(change: Change) -> None:
    """Something that gates read is new: a worker asks where it waits, at once where it is read."""
    with locked(change) as row:
        if row.state == Change.State.WAITING:
            send(row)
        elif row.state == Change.State.READY and row.plan:
            plan = Plan.from_json(row.plan)
            if gating.keep(row, gating.evaluate(row, plan)):
                row.save(update_fields=gating.KEPT)


def expect(change: Change, *states: Change.State, to: str) -> None:
    """Refuse what this state does not allow, in words."""
    if change.state not in states:
        raise StaleState(
            f"Change {change.pk} is {change.get_state_display().lower()}; it cannot be {to} now.",
            fix="Look at the change again.",
        )


def expect_plan(change: Change, plan_hash: str) -> None:
    """The plan that was read is the plan that stands."""
    if not plan_hash or plan_hash != change.plan_hash:
        raise PreconditionFailed(
            f"The plan of change {change.pk} is not the one you read.",
            fix="Read the new plan and answer again.",
        )


def text(value: str, *, field: str, required: bool = False) -> str:
    """A person's own words, trimmed; refused when empty (where asked for) or too long."""
    value = value.strip()
    if required and not value:
        raise Invalid(
            f"{field} is empty.", errors=[FieldError(field, "required", "Say why.", "Write it.")]
        )
    if "\x00" in value:
        raise Invalid(
            f"{field} holds a null character.",
            errors=[FieldError(field, "null", "It holds a null character.", "Remove it.")],
        )
    if len(value) > MAX_TEXT:
        message = f"{len(value)} characters are more than {MAX_TEXT}."
        raise Invalid(
            f"{field}: {message}", errors=[FieldError(field, "max_length", message, "Shorten it.")]
        )
    return value


def user(actor: Actor, what: str) -> User:
    """The actor's user, a person or a program; Slipway itself does not do this."""
    if actor.user is None:
        raise Forbidden(f"Only a person or a service account can {what}.")
    return actor.user


def person(actor: Actor, what: str) -> User:
    """The actor's user where a second person is asked for: no program, for people make those."""
    if actor.user is None or people.is_program(actor.user):
        raise Forbidden(
            f"Only a person can {what}.", fix="Sign in, or use a token of your own account."
        )
    return actor.user
