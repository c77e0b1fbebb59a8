"""Where an object stands in the tree of scopes, and the same as conditions on rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from rbac.models import Scope


@dataclass(frozen=True)
class Place:
    """Where an object stands: ids of its scope and of those above, without the root."""

    lineage: frozenset[int]
    scope: Scope | None  # None: the root

    @property
    def label(self) -> str:
        return "everything" if self.scope is None else self.scope.label


ROOT = Place(frozenset(), None)


def place_of(obj: object | None) -> Place | None:
    """The place of a scope or of any model with `scope_lookup`; None for what has no place."""
    if obj is None:
        return ROOT
    lookup = getattr(type(obj), "scope_lookup", "")
    if lookup == "":
        return None
    found: Any = obj
    if lookup is not None and lookup != "self":
        for part in lookup.split("__"):
            found = getattr(found, part, None)
    if lookup is None or found is None or found.kind == Scope.Kind.EVERYTHING:
        return ROOT
    return Place(found.lineage, found)


def root() -> Scope:
    """The scope of everything; made where a migration has not made it yet."""
    return Scope.objects.get_or_create(kind=Scope.Kind.EVERYTHING)[0]


def scope_of(obj: object | None) -> Scope:
    """The scope of an object; the root's for objects that stand at no scope.

    Raises TypeError for what has no place at all (no `scope_lookup`).
    """
    place = place_of(obj)
    if place is None:
        raise TypeError(f"{type(obj).__name__} has no scope_lookup.")
    return place.scope or root()


def below(ids: frozenset[int], lookup: str) -> Q:
    """Rows whose scope is one of these or stands below one; `lookup` is the path to the scope."""
    prefix = "" if lookup == "self" else f"{lookup}__"
    own = "pk__in" if lookup == "self" else f"{lookup}__in"
    wanted = sorted(ids)
    return (
        Q(**{own: wanted})
        | Q(**{f"{prefix}tier_scope__in": wanted})
        | Q(**{f"{prefix}project_scope__in": wanted})
    )


def within(scope: Scope, lookup: str = "scope") -> Q:
    """Rows that stand at this scope or below it."""
    return Q() if scope.kind == Scope.Kind.EVERYTHING else below(frozenset({scope.pk}), lookup)


def by_path(path: str) -> Scope | None:
    """The scope at `everything`, `orders`, `orders/staging` or `orders/development/pr-7`.

    `orders/pr-7`, the short label of an environment, is found too; tiers come first.
    """
    parts = [part for part in path.replace("\x00", "").strip("/").split("/") if part]
    if parts in ([], ["everything"]):
        return root()
    rows = Scope.objects.select_related("project_scope", "tier_scope").order_by("-id")
    kinds = Scope.Kind
    if len(parts) == 1:
        return rows.filter(kind=kinds.PROJECT, name=parts[0]).first()
    inside = rows.filter(project_scope__name=parts[0], name=parts[-1])
    if len(parts) == 2:  # noqa: PLR2004  # project and tier, or project and environment
        tier = inside.filter(kind=kinds.TIER).first()
        return tier or inside.filter(kind=kinds.ENVIRONMENT).first()
    return inside.filter(kind=kinds.ENVIRONMENT, tier_scope__name="/".join(parts[1:-1])).first()
