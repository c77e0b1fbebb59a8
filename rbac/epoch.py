"""The access epoch: every grant and revoke changes it, so that cached grants die at once.

The number moves by a random step. A step of one would come again after a rollback, and grants that
were cached inside the transaction that is gone would pass for the later ones.
"""

from __future__ import annotations

import itertools
import secrets

from django.db.models import F, IntegerField, Subquery

from rbac.models import AccessEpoch

_ROW = 1
_bumps = itertools.count(1)
_last_bump = 0


def bump() -> None:
    """Void the cached grants of everybody, in the caller's transaction."""
    global _last_bump  # noqa: PLW0603  # a process-wide counter is what is wanted here
    step = 1 + secrets.randbelow(2**32)
    if not AccessEpoch.objects.filter(pk=_ROW).update(number=F("number") + step):
        AccessEpoch.objects.get_or_create(pk=_ROW, defaults={"number": step})
    _last_bump = next(_bumps)


def seen_bumps() -> int:
    """How often this process bumped: a number read before the last bump is stale."""
    return _last_bump


def current() -> int | None:
    """The number now, by one query; None while there is no row, and then nothing is cached."""
    return AccessEpoch.objects.filter(pk=_ROW).values_list("number", flat=True).first()


def subquery() -> Subquery:
    """The number as an annotation, so that it comes with the session's or token's row."""
    return Subquery(
        AccessEpoch.objects.filter(pk=_ROW).values("number"), output_field=IntegerField()
    )
