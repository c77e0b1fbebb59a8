"""`decide` and `visible`: the one rule of access, in Python and as SQL.

A permission is held at a place by an unexpired grant at the place or above it; a token narrows what
its owner holds; Slipway itself may do everything; whatever is unknown is refused. Loaded grants are
checked without a query. A property test holds both forms of the rule equal.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property, reduce
from operator import or_
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from rbac import grants, permissions
from rbac.actors import Actor
from rbac.grants import Grant
from rbac.models import Scope
from rbac.places import Place, below, place_of

M = TypeVar("M", bound=Model)


class Decision:
    """Yes or no, in words on demand: the reason, and the chain of what was looked at."""

    def __init__(
        self,
        actor: Actor,
        permission: str,
        place: Place | None,
        grant: Grant | None,
        *,
        allowed: bool,
        at_root: bool = False,
    ) -> None:
        self.actor = actor
        self.permission = permission
        self.place = place
        self.grant = grant
        self.allowed = allowed
        self.at_root = at_root  # asked about everything itself, which is no secret
        self.asker: Actor | None = None  # set where somebody asks about another person

    def __bool__(self) -> bool:
        return self.allowed

    @cached_property
    def visible(self) -> bool:
        """Whether the actor may at least see the object: the difference of 403 and 404."""
        view = permissions.view_permission(self.permission)
        if self.place is None:
            return False
        if self.at_root and self.actor.user is not None:
            return grants.counts(self.actor)
        return _judge(self.actor, view, self.place)[0]

    @cached_property
    def looked_at(self) -> tuple[Grant, ...]:
        """The actor's grants; for another asker only what reaches the place or is theirs to see."""
        if self.place is None or self.actor.user is None:
            return ()
        every = grants.of(self.actor).every
        if self.asker is None:
            return every
        lineage = self.place.lineage
        return tuple(g for g in every if g.reaches(lineage) or _sees(self.asker, g))

    @cached_property
    def hidden(self) -> int:
        """How many of the actor's grants the asker may not see."""
        return 0 if self.asker is None else len(grants.of(self.actor).every) - len(self.looked_at)

    @cached_property
    def reason(self) -> str:
        """One sentence for people."""
        where = self.place.label if self.place else "an unknown object"
        if self.allowed:
            return f"{self._source()} gives {self.permission}."
        blocked = _blocked(self.actor, self.permission, self.place)
        return blocked or f"None of your roles gives {self.permission} at {where}."

    def _source(self) -> str:
        if self.grant is None:
            return _standing_reason(self.actor, self.permission)
        return self.grant.text if self.grant in self.looked_at else "A role held elsewhere"

    @cached_property
    def chain(self) -> tuple[str, ...]:
        """Each thing that was looked at, and what it contributes."""
        where = self.place.label if self.place else "an unknown object"
        lines = [f"{self.actor.label} wants {self.permission} at {where}"]
        if self.place is not None and self.actor.user is not None:
            now = timezone.now()
            lines += [
                _link(grant, self.permission, self.place.lineage, now) for grant in self.looked_at
            ]
        if self.hidden:
            lines.append(f"{self.hidden} more held elsewhere, which you may not see")
        return (*lines, f"{'Yes' if self.allowed else 'No'}: {self.reason}")


def _sees(asker: Actor, grant: Grant) -> bool:
    """Whether the asker may see who holds what at the grant's own scope."""
    return _judge(asker, "access.view", Place(grant.lineage, None))[0]


def _standing_reason(actor: Actor, permission: str) -> str:
    if actor.user is None:
        return "Slipway itself"
    entry = permissions.get(permission)
    return "Being signed in" if entry and entry.everyone else "A role that you hold"


def _link(grant: Grant, permission: str, lineage: frozenset[int], now: datetime) -> str:
    if permission not in grant.permissions:
        return f"{grant.text}: does not give it"
    if grant.ends_at is not None and grant.ends_at <= now:
        return f"{grant.text}: ended at {grant.ends_at:%Y-%m-%d %H:%M} UTC"
    if not grant.covers(lineage, now):
        return f"{grant.text}: gives it, but not here"
    return f"{grant.text}: gives it"


def _blocked(actor: Actor, permission: str, place: Place | None) -> str:
    """Why a grant would not even help; empty where a grant is what is missing."""
    if actor.user is None:
        return "Nobody is signed in."
    if permissions.get(permission) is None:
        return f"There is no permission {permission}."
    if place is None:
        return "The object stands nowhere that roles reach."
    if not actor.user.is_active:
        return f"{actor.user.username} is deactivated."
    return _token_reason(actor, permission, place)


def _token_reason(actor: Actor, permission: str, place: Place) -> str:
    if actor.token is None:
        return ""
    if grants.token_narrows(actor.token, permission):
        return f"The token {actor.token.name} does not carry {permission}."
    if _outside_token(actor, permission, place):
        return f"The token {actor.token.name} does not reach {place.label}."
    return ""


def _token_scope(actor: Actor) -> Scope | None:
    """The scope a token is bound to, where that narrows anything."""
    if actor.token is None or actor.token.scope_id is None:
        return None
    scope = actor.token.scope
    return None if scope is None or scope.kind == Scope.Kind.EVERYTHING else scope


def _outside_token(actor: Actor, permission: str, place: Place) -> bool:
    if actor.token is None or actor.token.scope_id is None:
        return False
    entry = permissions.get(permission)
    if entry is not None and (entry.anywhere or entry.everyone):
        return False
    scope = _token_scope(actor)
    return scope is not None and scope.pk not in place.lineage


def _judge(actor: Actor, permission: str, place: Place) -> tuple[bool, Grant | None]:
    if actor.user is None:
        return bool(actor.system) and permissions.get(permission) is not None, None
    entry = permissions.get(permission)
    if entry is None or grants.token_narrows(actor.token, permission):
        return False, None
    if _outside_token(actor, permission, place):
        return False, None
    if entry.everyone:
        return grants.counts(actor), None
    now = timezone.now()
    for grant in grants.of(actor).of(permission):
        if grant.covers(place.lineage, now) or (entry.anywhere and grant.lives(now)):
            return True, grant
    return False, None


def decide(actor: Actor, permission: str, obj: object | None) -> Decision:
    """Whether `actor` holds `permission` at `obj` (a scope, a model with `scope_lookup`, or None).

    No side effect; no query once the person's grants and the object's scope are loaded.
    """
    place = place_of(obj)
    if place is None:
        return Decision(actor, permission, None, None, allowed=False)
    allowed, grant = _judge(actor, permission, place)
    at_root = obj is None or (isinstance(obj, Scope) and place.scope is None)
    return Decision(actor, permission, place, grant, allowed=allowed, at_root=at_root)


def visible(actor: Actor, permission: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """The rows of `queryset` on which `decide` says yes, as one condition on literal scope ids."""
    condition = _condition(actor, permission, getattr(queryset.model, "scope_lookup", ""))
    return queryset.none() if condition is None else queryset.filter(condition)


def reaching(actor: Actor, permission: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """`visible`, and the rows bound above a place where the actor holds the permission.

    For what reaches down from its scope: a freeze of everything is a fact of each project in it.
    """
    lookup = queryset.model.scope_lookup  # type: ignore[attr-defined]  # only rows at a scope do
    condition = _condition(actor, permission, lookup)
    if condition is None:
        return queryset.none()
    if not condition:  # every row; an empty condition would vanish in an “or”
        return queryset
    held = visible(actor, permission, Scope.objects.all())
    above = (
        Q(**{f"{lookup}__kind": Scope.Kind.EVERYTHING})
        | Q(**{f"{lookup}__in": held.values("project_scope")})
        | Q(**{f"{lookup}__in": held.values("tier_scope")})
    )
    return queryset.filter(condition | above)


def visible_by(actor: Actor, field: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """The rows on which the actor holds the permission that each row itself names in `field`."""
    lookup = getattr(queryset.model, "scope_lookup", "")
    by_place = [
        Q(**{f"{field}__in": held}) & where
        for held in _held_alike(actor)
        if (where := _condition(actor, held[0], lookup)) is not None
    ]
    return queryset.filter(reduce(or_, by_place)) if by_place else queryset.none()


def _held_alike(actor: Actor) -> list[list[str]]:
    """All permissions, those together that the actor holds at the same places."""
    now, held = timezone.now(), grants.of(actor)
    alike: dict[tuple[bool, bool, frozenset[int | None]], list[str]] = {}
    for entry in permissions.all_permissions():
        places = frozenset(one.scope_id for one in held.of(entry.name) if one.lives(now))
        narrowed = grants.token_narrows(actor.token, entry.name)
        alike.setdefault((entry.everyone or entry.anywhere, narrowed, places), []).append(
            entry.name
        )
    return list(alike.values())


def _condition(actor: Actor, permission: str, lookup: str | None) -> Q | None:
    """The rule as a condition on rows whose scope is at `lookup`; None: no row at all."""
    entry = permissions.get(permission)
    if lookup == "" or entry is None or not held_anywhere(actor, permission):
        return None
    if actor.user is None or entry.everyone or entry.anywhere:
        return Q()
    now = timezone.now()
    held = {grant.scope_id for grant in grants.of(actor).of(permission) if grant.lives(now)}
    token_scope = _token_scope(actor)
    if lookup is None:
        return Q() if None in held and token_scope is None else None
    condition = Q()
    if None not in held:
        condition = below(frozenset(id_ for id_ in held if id_ is not None), lookup)
    if token_scope is not None:
        condition &= below(frozenset({token_scope.pk}), lookup)
    return condition


def held_anywhere(actor: Actor, permission: str) -> bool:
    """Whether the actor holds it at any place: what navigation and list pages ask."""
    entry = permissions.get(permission)
    if entry is None or grants.token_narrows(actor.token, permission):
        return False
    if actor.user is None:
        return bool(actor.system)
    if entry.everyone:
        return grants.counts(actor)
    now = timezone.now()
    return any(grant.lives(now) for grant in grants.of(actor).of(permission))
