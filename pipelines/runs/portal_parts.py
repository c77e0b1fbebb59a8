"""What pipelines show in the shell: search, a component's tab, a panel of the home page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from idp.common.host import Hit
from idp.common.narrowing import MAX_WORD
from pipelines.permissions import MANAGE
from pipelines.runs import selectors
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Pipeline
from pipelines.runs.selectors import Filters
from pipelines.runs.views.lists import shown
from pipelines.runs.words import label_of, look_of
from portal.models import Component
from rbac.access import can
from rbac.actors import Actor

MAX_ROWS = 15
MAX_MINE = 5


def find(actor: Actor, text: str, limit: int) -> list[Hit]:
    """Pipelines by number, title, reference or commit, newest first."""
    rows = selectors.pipelines(actor, Filters(q=text[:MAX_WORD].replace("\0", "")))
    return [
        Hit(
            title=str(row),
            url=page_of(row),
            detail=f"{row.ref}: {row.name or row.title}",
            icon="rocket",
            status=look_of(row),
        )
        for row in rows.order_by("-pk")[:limit]
    ]


def of_component(actor: Actor, component: Component) -> dict[str, Any]:
    """The newest pipelines of a component's project."""
    name = component.project.name
    only = f"?{urlencode({'project': name})}"
    manages = can(actor, MANAGE, component.project.scope)
    rows = selectors.pipelines(actor, Filters(project=name)).order_by("-pk")
    return {
        "rows": shown(list(rows[:MAX_ROWS])),
        "project": name,
        "url": reverse("pipelines:list") + only,
        "variables": reverse("pipelines:variables") + only if manages else "",
    }


def mine(actor: Actor) -> Mapping[str, Any] | None:
    """One's own pipelines that run, wait for a hand or failed last; one query."""
    if actor.user is None:
        return None
    open_ones = Q(status__in=[Pipeline.Status.RUNNING, Pipeline.Status.MANUAL])
    wanted = open_ones | Q(status=Pipeline.Status.FAILED)
    rows = selectors.pipelines(actor).filter(wanted, actor=actor.user).order_by("-pk")
    found = list(rows[:MAX_MINE])
    if not found:
        return None
    link = (
        "All of them",
        f"{reverse('pipelines:list')}?{urlencode({'actor': actor.user.username})}",
    )
    return {
        "rows": [
            {"pipeline": row, "url": page_of(row), "look": look_of(row), "label": label_of(row)}
            for row in found
        ],
        "count": len(found),
        "link": link,
    }
