"""What this app shows in the shell: search, and a component's tab."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from idp.common.host import Hit
from portal.models import Component
from rbac.actors import Actor
from schemas import listing
from schemas.addresses import page_of
from schemas.listing import Filters
from schemas.models import Subject
from schemas.words import look_of

MAX_ROWS = 100
MAX_APIS = 50  # names of one component that are looked up


def find(actor: Actor, text: str, limit: int) -> list[Hit]:
    """Subjects by name or component, those that begin with the text first."""
    rows = listing.subjects(actor, Filters(q=text))
    found = list(rows.order_by(*listing.ORDER)[: limit * 3])
    best = sorted(found, key=lambda row: not row.name.lower().startswith(text.lower()))[:limit]
    return [
        Hit(
            title=str(row),
            url=page_of(row),
            detail=f"{row.format}, version {row.latest}, team {row.owner.name}",
            icon="braces",
            status="" if row.state == Subject.State.ACTIVE else look_of(row),
        )
        for row in best
    ]


def component_subjects(actor: Actor, component: Component) -> dict[str, Any]:
    """A component's own subjects, and those among the APIs that it provides or consumes."""
    provides = set(component.provides_apis[:MAX_APIS])
    consumes = set(component.consumes_apis[:MAX_APIS])
    named = Q(component=component.name) | Q(name__in=provides | consumes)
    rows = listing.subjects(actor, Filters()).filter(named).order_by(*listing.ORDER)
    found = list(rows[: MAX_ROWS * 3])
    own = [row for row in found if row.component == component.name]
    query = urlencode({"component": component.name})
    return {
        "groups": [
            _group(
                "Its subjects",
                own,
                "No subject names this component. A subject’s owner can, on the subject’s page.",
                f"{reverse('schemas:list')}?{query}" if own else "",
            ),
            _group(
                "Provides",
                (row for row in found if row.name in provides),
                "None of the APIs that it provides is a subject that you can see.",
            ),
            _group(
                "Consumes",
                (row for row in found if row.name in consumes),
                "None of the APIs that it consumes is a subject that you can see.",
            ),
        ]
    }


def _group(title: str, rows: Iterable[Subject], empty: str, url: str = "") -> dict[str, Any]:
    shown = [{"subject": row, "look": look_of(row)} for row in list(rows)[:MAX_ROWS]]
    return {"title": title, "rows": shown, "empty": empty, "url": url}
