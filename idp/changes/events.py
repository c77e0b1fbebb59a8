"""What happened to a change, as numbered rows, and hints that lists should look again.

Called inside the transaction that made it happen; readers are woken after the commit.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import F

from idp.changes import wakeups
from idp.changes.models import Change, ChangeEvent

MAX_TEXT = 4_000
MAX_EVENTS = 10_000  # log lines beyond are dropped: a change's page stays readable


def emit(change: Change, kind: str, data: dict[str, Any]) -> ChangeEvent | None:
    """Append one event under the change's lock, numbered without gaps; None for a dropped line."""
    with transaction.atomic():
        rows = Change.objects.filter(pk=change.pk)
        if kind == "log" and rows.filter(event_number__gte=MAX_EVENTS).exists():
            return None
        rows.update(event_number=F("event_number") + 1)
        number = rows.values_list("event_number", flat=True).get()
        change.event_number = number
        event = ChangeEvent.objects.create(change_id=change.pk, number=number, kind=kind, data=data)
        transaction.on_commit(
            partial(wakeups.publish, f"change:{change.pk}", {"number": number}), robust=True
        )
    return event


def log(change: Change, text: str, *, source: str = "slipway", **data: Any) -> None:
    """A line in the change's log, cut to a readable length."""
    emit(change, "log", {**data, "source": source, "text": text[:MAX_TEXT]})


lists: dict[str, str] = {}


def register_list(topic: str, permission: str) -> None:
    """Let pages follow a list of rows; a hint reaches those who hold `permission` at its scope."""
    if topic in lists:
        raise ValueError(f"list {topic!r} is registered twice")
    lists[topic] = permission


def row_of(scope: int) -> str:
    """What pages call the row of the place with that id (`data-live-row`)."""
    return f"scope-{scope}"


def hint(topic: str, data: dict[str, Any], *, scope: int, one: bool = False) -> None:
    """Tell open lists of `topic` that something changed at a scope; lost hints harm nothing.

    `one`: only the row of that scope looks different; the list holds the same rows as before.
    """
    told = {**data, "scope": scope, **({"row": row_of(scope)} if one else {})}
    transaction.on_commit(partial(wakeups.publish, topic, told), robust=True)


def moved(change: Change) -> None:
    """The change's state is new: its page, the lists and the inbox look again."""
    emit(change, "state", {"state": change.state, "reason": change.reason[:MAX_TEXT]})
    hint("changes", {"id": change.pk, "state": change.state}, scope=change.scope_id)
    hint("inbox", {"id": change.pk}, scope=change.scope_id)
