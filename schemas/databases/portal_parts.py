"""What databases show in the shell: the alarm on the home page, search, an environment's tab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from idp.common.host import Hit
from rbac.actors import Actor
from schemas.databases import judging, readers, selectors
from schemas.databases.models import Database, DatabaseInstance
from schemas.databases.words import LOOKS

MAX_ROWS = 6
MAX_FINDINGS = 20


def drifted(actor: Actor) -> Mapping[str, Any] | None:
    """Instances that differ from their declaration; hidden while there are none."""
    rows = selectors.drifted(actor).select_related("database__project", "scope")
    found = list(rows.defer("url")[: MAX_ROWS + 1])
    if not found:
        return None
    count = len(found) if len(found) <= MAX_ROWS else rows.count()
    words = "one database has drifted" if count == 1 else f"{count} databases have drifted"
    return {
        "rows": found[:MAX_ROWS],
        "count": count,
        "headline": words,
        "link": ("All databases", reverse("schemas:databases")),
    }


def find(actor: Actor, text: str, limit: int) -> list[Hit]:
    """Databases by name or component, those that begin with the text first."""
    rows: list[Database] = list(selectors.databases(actor, text=text).order_by("name")[: limit * 3])
    best = sorted(rows, key=lambda row: not row.name.startswith(text.lower()))[:limit]
    return [
        Hit(
            title=str(row),
            url=reverse("schemas:database", args=[row.pk]),
            detail=f"version {row.last_version}" if row.last_version else "nothing declared",
            icon="database",
        )
        for row in best
    ]


def of_environment(actor: Actor, environment: Any) -> dict[str, Any]:
    """The databases that a change to this environment meets, and what it reads of others."""
    rows = selectors.seen_at(actor, environment.scope)
    return {
        "places": [_place(row) for row in rows],
        "reads": readers.declared_by(actor, environment.scope),
    }


def _place(row: DatabaseInstance) -> dict[str, Any]:
    awaited = selectors.awaited(row)
    return {
        "row": row,
        "look": LOOKS[row.state],
        "url": reverse("schemas:database", args=[row.database_id]),
        "awaited": [one.number for one in reversed(awaited)],
        "refusing": [
            {"version": one.number, "file": one.file, **finding}
            for one in awaited
            for finding in judging.with_readers(one)
            if judging.refuses(finding)
        ][:MAX_FINDINGS],
        "drift": row.drift[:MAX_ROWS],
    }
