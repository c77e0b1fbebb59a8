"""State changes as compare-and-set: the row moves only from where the caller saw it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models

from idp.common.errors import StaleState


def transition(
    obj: models.Model, to: str, *, expected: str | Iterable[str] | None = None, **fields: Any
) -> None:
    """Move `obj.state` to `to` and set `fields`, in one UPDATE; refresh the instance.

    `expected` defaults to the instance's own state. Raises ValueError for a move that the model's
    `TRANSITIONS` does not know, `StaleState` when the row is no longer in an expected state.
    """
    state: str = obj.state  # type: ignore[attr-defined]  # every model with TRANSITIONS has one
    froms = (
        {state} if expected is None else {expected} if isinstance(expected, str) else {*expected}
    )
    table: dict[str, frozenset[str]] = obj.TRANSITIONS  # type: ignore[attr-defined]  # as above
    for source in froms:
        if to not in table.get(source, frozenset()):
            raise ValueError(f"{type(obj).__name__} cannot go from {source} to {to}")
    rows = type(obj)._default_manager.filter(pk=obj.pk, state__in=froms)
    if not rows.update(state=to, **fields):
        raise StaleState(f"{obj} is no longer {' or '.join(sorted(froms))}; look at it again.")
    obj.state = to  # type: ignore[attr-defined]  # as above
    for name, value in fields.items():
        setattr(obj, name, value)
