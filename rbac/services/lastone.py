"""Slipway is never left without a person who administers everything for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Q

from idp.common.errors import Refusal
from rbac.models import RoleBinding, Scope, User


def _exists() -> bool:
    """Whether an active person holds the role administrator at everything, without an end."""
    unending = RoleBinding.objects.filter(
        role__name="administrator", scope__kind=Scope.Kind.EVERYTHING, ends_at=None
    )
    people = User.objects.filter(is_active=True, service_account=None)
    by_team = Q(memberships__team__bindings__in=unending)
    return people.filter(Q(bindings__in=unending) | by_team).exists()


@contextmanager
def keep_an_administrator() -> Iterator[None]:
    """Undo the block, inside the caller's transaction, where it takes the last one away.

    The block bumps the access epoch, whose row serialises writers, so that of two administrators
    who shut each other out at the same moment the second is refused.
    """
    before = _exists()
    yield
    if before and not _exists():
        raise Refusal(
            "It is the last administrator of Slipway.",
            fix="Make another person administrator of everything first, without an end.",
        )
