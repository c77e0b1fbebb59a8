"""Who stands behind a change, and who can do something about it."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q

from idp.changes.models import Change
from rbac import actors, granters
from rbac.actors import Actor
from rbac.models import User
from rbac.places import place_of

SHOWN = 3
MAX_BEHIND = 20


def actor_of_change(change: Change) -> Actor:
    """The change's actor as `decide` judges it now: its person and token, or Slipway itself."""
    if change.actor is None:
        return actors.system(change.actor_label.removeprefix("slipway (").removesuffix(")"))
    if change.token is not None and change.token.revoked_at is not None:
        return actors.NOBODY
    return Actor(change.actor, change.token)


def who_can(permission: str, change: Change, *, does: str = "approve") -> str:
    """A sentence that names up to three people who may be the second person of a change."""
    place = place_of(change.scope)
    people = granters.people_holding(permission, place) if place else User.objects.none()
    rows = people.exclude(pk__in=asked(change))
    names = list(rows.values_list("username", flat=True)[:SHOWN])
    if not names:
        return f"Nobody can {does} it at present: {permission} is needed at {change.scope}."
    return f"{' or '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)} can {does}."


def is_program(user: User) -> bool:
    """Whether the user is a service account's, which people make and hold the tokens of."""
    return hasattr(user, "service_account")


def asked(change: Change) -> frozenset[int]:
    """Ids of the users who asked for the change or confirmed it: never its second person.

    Who made the token that asked is one of them: a program has somebody behind it. So is whoever
    wrote what the change brings out, where it says so.
    """
    maker = change.token.created_by_id if change.token else None
    found = (
        change.actor_id,
        change.confirmed_by_id,
        maker,
        *map(int, change.behind.split(",")[1:-1]),
    )
    return frozenset(pk for pk in found if pk is not None)


def written(people: Collection[int]) -> str:
    """Ids as `Change.behind` holds them; text, so that any database can look one up in it."""
    kept = sorted(people)[:MAX_BEHIND]
    return f",{','.join(map(str, kept))}," if kept else ""


def is_behind(user: User | None) -> Q:
    """Changes behind which the user stands as one whose work they bring out."""
    return Q(behind__contains=f",{user.pk},") if user is not None else Q(pk=None)


def author(change: Change) -> Actor:
    """Who asked, for the record of what was done; judged by nobody."""
    return Actor(change.actor, change.token)
