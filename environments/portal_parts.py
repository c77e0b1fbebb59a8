"""What this app shows in the shell: home panels, search, the palette's commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from environments import placements, selectors
from environments.models import Environment
from environments.placements import Placement
from idp.common.host import Hit
from portal.models import Component
from portal.selectors import components_of_teams
from rbac.access import held_anywhere
from rbac.actors import Actor
from rbac.models import Tier

MAX_ROWS = 8
MAX_COMPONENTS = 20  # of the home page's table
MAX_CELL = 4  # environments in one cell of the catalog
_SOON = timedelta(days=2)


def broken(actor: Actor) -> Mapping[str, Any] | None:
    """Environments that are not well; the panel is hidden from people who see none at all."""
    if not held_anywhere(actor, selectors.VIEW):
        return None
    ill = selectors.alive(actor).filter(application__health__in=selectors.BROKEN)
    ill = ill.exclude(state=Environment.State.PROPOSED)
    rows = list(ill.order_by("-application__observed_at")[:MAX_ROWS])
    count = len(rows) if len(rows) < MAX_ROWS else ill.count()
    words = {0: "", 1: "one environment is broken"}
    return {
        "rows": rows,
        "count": count,
        "headline": words.get(count, f"{count} environments are broken"),
        "link": ("All of them", f"{reverse('environments:list')}?health={selectors.BROKEN_WORD}"),
    }


def expiring(actor: Actor) -> Mapping[str, Any] | None:
    """One's own environments, and one's teams', that end within two days."""
    if actor.user is None:
        return None
    mine = Q(owner=actor.user) | Q(project__team__members=actor.user)
    soon = Q(expires_at__lte=timezone.now() + _SOON)
    rows = selectors.alive(actor).filter(mine & soon).distinct().order_by("expires_at")
    found = list(rows[:MAX_ROWS])
    if not found:
        return None
    link = ("All of them", f"{reverse('environments:list')}?expiring=2")
    return {"rows": found, "count": len(found), "link": link}


def matrix(actor: Actor) -> Mapping[str, Any] | None:
    """The components of one's teams against the tiers in which they run; None: nowhere."""
    components = components_of_teams(actor=actor, limit=MAX_COMPONENTS)
    found = placements.of(actor, components) if components else {}
    if not found:
        return None
    cells: dict[tuple[int, str], list[Placement]] = {}
    for component, there in found.items():
        for placement in there:
            cells.setdefault((component, placement.environment.tier), []).append(placement)
    tiers = [t for t in Tier.values if any(tier == t for _, tier in cells)]
    return {
        "tiers": tiers,
        "rows": [(c, [(tier, cells.get((c.pk, tier), [])) for tier in tiers]) for c in components],
        "count": len(components),
        "link": ("Open the catalog", reverse("portal:catalog")),
    }


def cells(actor: Actor, components: Sequence[Component]) -> Mapping[int, str]:
    """For the catalog: the environments of each component, the first few by name."""
    return {
        component: render_to_string(
            "environments/parts/placements.html",
            {"placements": there[:MAX_CELL], "more": len(there) - MAX_CELL},
        )
        for component, there in placements.of(actor, components).items()
    }


def worst(actor: Actor, components: Sequence[Component]) -> Mapping[int, int]:
    """How many of a component's environments are broken."""
    found = placements.of(actor, components)
    return {key: sum(placement.broken for placement in there) for key, there in found.items()}


def where(actor: Actor, component: Component) -> Mapping[str, Any]:
    """For a component's page: every environment in which it runs."""
    return {"placements": placements.of(actor, [component]).get(component.pk, [])}


def find(actor: Actor, text: str, limit: int) -> list[Hit]:
    """Environments by name or project, those that begin with the text first."""
    rows = selectors.filtered(selectors.environments(actor), selectors.Filters(q=text))
    found = rows.prefetch_related(None).order_by("project__name", "name")[: limit * 3]
    best = sorted(found, key=lambda row: not row.name.startswith(text.lower()))[:limit]
    return [
        Hit(
            title=f"{row.project.name} / {row.name}",
            url=reverse("environments:detail", args=[row.project.name, row.name]),
            detail=f"{row.tier} on {row.application.cluster.name}",
            icon="stack-2",
            status=row.application.health if row.state == row.State.ACTIVE else row.state,
        )
        for row in best
    ]
