"""Who can grant what is missing: named on every refusal."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from rbac import objectgrants, permissions
from rbac.decisions import Decision
from rbac.models import Membership, RoleBinding, Scope, User
from rbac.places import Place

SHOWN = 3
GRANT = "access.grant"


def bindings_at(place: Place) -> Q:
    """Condition on role bindings that reach a place."""
    return Q(scope__kind=Scope.Kind.EVERYTHING) | Q(scope__in=sorted(place.lineage))


def alive() -> Q:
    """Condition on role bindings that have not ended."""
    return Q(ends_at=None) | Q(ends_at__gt=timezone.now())


def holders(permission: str, place: Place) -> dict[int, bool]:
    """Ids of the users who hold a permission at a place, by a role or a share.

    True for those who hold it from everything only.
    """
    bindings = RoleBinding.objects.filter(bindings_at(place) & alive())
    found: dict[int, bool] = {}
    teams: dict[int, bool] = {}
    for binding in bindings.select_related("role", "scope"):
        kind = binding.scope.kind
        if permission in permissions.meaningful(binding.role.permissions, kind):
            held, key = (found, binding.user_id) if binding.user_id else (teams, binding.team_id)
            held[key or 0] = held.get(key or 0, True) and kind == Scope.Kind.EVERYTHING
    members = Membership.objects.filter(team__in=teams).values_list("team", "user")
    for team, user in members:
        found[user] = found.get(user, True) and teams[team]
    found.update(dict.fromkeys(objectgrants.holders(permission, place.lineage), False))
    return found


def people_holding(permission: str, place: Place) -> QuerySet[User]:
    """The active people, no programs, who hold a permission at a place, by name: "who can"."""
    rows = User.objects.filter(pk__in=holders(permission, place), is_active=True)
    return rows.filter(service_account=None).order_by("username")


def names(decision: Decision) -> tuple[str, ...]:
    """User names of at most three people who may grant the permission where it is missing.

    The nearest come first. Nobody may give what they lack, so both permissions must be theirs.
    """
    if decision.place is None:
        return ()
    give, own = holders(GRANT, decision.place), holders(decision.permission, decision.place)
    far = {pk: give[pk] or own[pk] for pk in give.keys() & own.keys()}
    people = User.objects.filter(pk__in=far, is_active=True, service_account=None)
    found = sorted(people.values_list("pk", "username"), key=lambda row: (far[row[0]], row[1]))
    return tuple(username for _, username in found[:SHOWN])


def advice(people: tuple[str, ...], decision: Decision) -> str:
    """The next step in words."""
    if decision.actor.token is not None:
        return "Use a token that carries the permission, or ask whoever made this one."
    if not people:
        return "Nobody can grant it at present; ask an administrator of Slipway."
    return f"Ask {_either(people)}, who can grant it."


def _either(people: tuple[str, ...]) -> str:
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])} or {people[-1]}"
