"""Reads of the catalog, through the eyes of an actor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from portal.models import Component
from rbac.access import Actor, get_visible, visible
from rbac.models import Project, Scope, Team, Tier

VIEW = "component.view"


@dataclass(frozen=True)
class Filters:
    """What a list of components is narrowed to; empty text does not narrow."""

    q: str = ""
    owner: str = ""
    project: str = ""
    type: str = ""
    lifecycle: str = ""
    removed: bool = False  # only those that left their catalog-info.yaml

    def without(self, name: str) -> dict[str, str]:
        """The query parameters of the same list without one filter."""
        return {key: value for key, value in self.parameters.items() if key != name}

    @property
    def parameters(self) -> dict[str, str]:
        named = {
            "q": self.q,
            "owner": self.owner,
            "project": self.project,
            "type": self.type,
            "lifecycle": self.lifecycle,
            "removed": "1" if self.removed else "",
        }
        return {key: value for key, value in named.items() if value}


def component_list(*, actor: Actor, filters: Filters | None = None) -> QuerySet[Component]:
    """The components that the actor may see, by name, with owner and project loaded."""
    wanted = filters or Filters()
    rows = Component.objects.filter(removed_at__isnull=not wanted.removed)
    if wanted.q:
        rows = rows.filter(
            Q(name__icontains=wanted.q)
            | Q(title__icontains=wanted.q)
            | Q(description__icontains=wanted.q)
        )
    exact = {
        "owner__name": wanted.owner,
        "project__name": wanted.project,
        "type": wanted.type,
        "lifecycle": wanted.lifecycle,
    }
    rows = rows.filter(**{lookup: value for lookup, value in exact.items() if value})
    return visible(actor, VIEW, rows).select_related("owner", "project__scope").order_by("name")


def component_get(*, actor: Actor, name: str) -> Component:
    """One component by name; `NotVisible` when there is none that the actor may see."""
    rows = Component.objects.select_related("owner", "project__scope", "project__team")
    return get_visible(actor, VIEW, rows, name=name)


def components_of_teams(*, actor: Actor, limit: int) -> list[Component]:
    """Components owned by the actor's teams, by name, at most `limit`."""
    if actor.user is None:
        return []
    rows = component_list(actor=actor).filter(owner__memberships__user=actor.user)
    return list(rows.distinct()[:limit])


@dataclass(frozen=True)
class ApiUse:
    """An API by name, and the visible components at its other end."""

    name: str
    others: tuple[Component, ...]


def _naming(actor: Actor, field: str, apis: Sequence[str]) -> list[Component]:
    """Visible components whose list `field` names one of `apis`, in one query."""
    if not apis:
        return []
    condition = Q()
    for api in apis:
        condition |= Q(listed__contains=f'"{api}"')
    rows = component_list(actor=actor).annotate(listed=Cast(field, TextField()))
    return list(rows.filter(condition)[:500])


def apis_provided(*, actor: Actor, component: Component) -> list[ApiUse]:
    """Each API that the component provides, with those who consume it."""
    found = _naming(actor, "consumes_apis", component.provides_apis)
    return [
        ApiUse(api, tuple(c for c in found if api in c.consumes_apis))
        for api in component.provides_apis
    ]


def apis_consumed(*, actor: Actor, component: Component) -> list[ApiUse]:
    """Each API that the component consumes, with those who provide it."""
    found = _naming(actor, "provides_apis", component.consumes_apis)
    return [
        ApiUse(api, tuple(c for c in found if api in c.provides_apis))
        for api in component.consumes_apis
    ]


def kept_projects(*, actor: Actor) -> QuerySet[Project]:
    """Projects to whose catalog the actor may add (see `portal.permissions`), by name."""
    tiers = Scope.objects.filter(kind=Scope.Kind.TIER, name=Tier.DEVELOPMENT)
    kept = visible(actor, "component.create", tiers).values("parent")
    return Project.objects.filter(scope__in=kept).select_related("scope", "team").order_by("name")


def teams() -> QuerySet[Team]:
    """Every team: all signed-in people see them."""
    return Team.objects.order_by("name")


@dataclass(frozen=True)
class Facets:
    """The values that a list can be narrowed to, of what the actor may see."""

    owners: tuple[str, ...]
    projects: tuple[str, ...]
    types: tuple[str, ...]


def facets(*, actor: Actor) -> Facets:
    """Owners, projects and types of the visible components, in one query."""
    rows = visible(actor, VIEW, Component.objects.filter(removed_at=None)).order_by()
    values = list(rows.values_list("owner__name", "project__name", "type").distinct())
    owners, projects, types = (tuple(sorted({row[place] for row in values})) for place in range(3))
    return Facets(owners, projects, types)
