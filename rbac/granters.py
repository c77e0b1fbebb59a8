"""Who can grant what is missing: named on every refusal."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from rbac.decisions import Decision
from rbac.models import RoleBinding, Scope, User
from rbac.places import Place

SHOWN = 3
GRANT = "access.grant"


def bindings_at(place: Place) -> Q:
    """Condition on role bindings that reach a place."""
    return Q(scope__kind=Scope.Kind.EVERYTHING) | Q(scope__in=sorted(place.lineage))


def alive() -> Q:
    """Condition on role bindings that have not ended."""
    return Q(ends_at=None) | Q(ends_at__gt=timezone.now())


def names(decision: Decision) -> tuple[str, ...]:
    """User names of at most three people who may grant the permission where it is missing.

    The nearest come first. Nobody may give what they lack, so both permissions must be theirs.
    """
    if decision.place is None:
        return ()
    bindings = RoleBinding.objects.filter(bindings_at(decision.place) & alive()).select_related(
        "role", "scope"
    )
    useful = [
        binding
        for binding in bindings
        if {GRANT, decision.permission} <= set(binding.role.permissions)
    ]
    useful.sort(key=lambda binding: binding.scope.kind == Scope.Kind.EVERYTHING)
    found: dict[str, None] = {}
    for binding in useful:
        if len(found) >= SHOWN:
            break
        people = User.objects.filter(
            Q(pk=binding.user_id) | Q(memberships__team=binding.team_id or 0),
            is_active=True,
            service_account=None,
        ).order_by("username")
        found.update(dict.fromkeys(people.values_list("username", flat=True)[:SHOWN]))
    return tuple(found)[:SHOWN]


def advice(people: tuple[str, ...], decision: Decision) -> str:
    """The next step in words."""
    if decision.actor.token is not None:
        return "Use a token that carries the permission, or ask whoever made this one."
    if not people:
        return "Nobody can grant it at present; ask an administrator of Slipway."
    return f"Ask {_either(people)}, who can grant it."


def _either(people: tuple[str, ...]) -> str:
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])} or {people[-1]}"
