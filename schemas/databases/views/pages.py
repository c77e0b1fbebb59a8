"""The list of databases, and the page of one, tab by tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from rbac.access import can, decide, held_anywhere
from rbac.actors import Actor
from rbac.views.mixins import AccessMixin
from schemas.databases import judging, reaching, readers, selectors
from schemas.databases.measuring import MAX_TOLD, TOPIC
from schemas.databases.models import Database, DatabaseInstance, DatabaseVersion
from schemas.databases.views import showing
from schemas.databases.words import LOOKS
from schemas.permissions import (
    DATABASE_DECLARE,
    DATABASE_MANAGE,
    DATABASE_SNAPSHOT,
    DATABASE_VIEW,
)
from schemas.relational import coarse

PAGE_SIZE = 50
MAX_DECLARATIONS = 5  # that are under way or were refused
MAX_TEXT = 200_000  # characters of SQL on one page
WORST = ("unreachable", "drifted", "behind", "undeclared", "unread", "in step", "off")
_TABS = (
    ("", "Where it lives"),
    ("schema", "Schema"),
    ("differences", "Differences"),
    ("versions", "Versions"),
    ("readers", "Who reads it"),
)


class DatabaseList(AccessMixin):
    permission = DATABASE_VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        text = request.GET.get("q", "").replace("\0", "")[: selectors.MAX_WORD]
        place = _number(request.GET.get("page", ""))
        rows = selectors.databases(self.actor, text=text).order_by("project__name", "name")
        rows = rows.prefetch_related(
            Prefetch("instances", DatabaseInstance.objects.select_related("scope").defer("url"))
        )
        first = (place - 1) * PAGE_SIZE
        found = list(rows[first : first + PAGE_SIZE + 1])
        context = {
            "page": Page(
                "Databases",
                api="/api/v1/databases/",
                permission=self.permission,
                topics=[TOPIC],
            ),
            "q": text,
            "rows": [_row(one) for one in found[:PAGE_SIZE]],
            "previous": _page(text, place - 1) if place > 1 else "",
            "next": _page(text, place + 1) if len(found) > PAGE_SIZE else "",
            "allowed": bool(found) or held_anywhere(self.actor, self.permission),
            "may_add": held_anywhere(self.actor, DATABASE_MANAGE),
        }
        return render(request, "schemas/databases/list.html", context)


def _number(text: str) -> int:
    return min(max(int(text), 1), 10_000) if text.isascii() and text.isdigit() else 1


def _page(text: str, place: int) -> str:
    return f"?{urlencode({'q': text, 'page': place} if text else {'page': place})}"


def _row(one: Database) -> dict[str, Any]:
    lives = list(one.instances.all())
    for row in lives:
        row.database = one
    states = sorted((row.state for row in lives), key=WORST.index)
    return {
        "database": one,
        "places": [row.place for row in lives],
        "state": states[0] if states else "",
        "look": LOOKS[states[0]] if states else "",
        "taken_at": min((row.taken_at for row in lives if row.taken_at), default=None),
    }


class DatabasePage(AccessMixin):
    permission = DATABASE_VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        database = selectors.database(self.actor, pk)
        tab = request.GET.get("tab", "")
        tab = tab if tab in _PARTS else ""
        context = {**frame(self.actor, database, tab), **_PARTS[tab](self, database)}
        return render(request, f"schemas/databases/{tab or 'places'}.html", context)


def frame(actor: Actor, database: Database, tab: str | None = None) -> dict[str, Any]:
    """What every page about a database shows around its content."""
    url = reverse("schemas:database", args=[database.pk])
    return {
        "page": Page(
            str(database),
            [("Databases", reverse("schemas:databases"))],
            api=reverse("database", args=[database.pk]),
            owner=f"team {database.project.team.name}",
            permission=DATABASE_VIEW,
            nav="schemas:databases",
            topics=[TOPIC] if tab in {"", "versions"} else [],
        ),
        "database": database,
        "url": url,
        "may_declare": can(actor, DATABASE_DECLARE, database.keeper),
        "actions": _actions(actor, database),
        "tabs": [
            {
                "label": title,
                "url": f"{url}?{urlencode({'tab': name})}" if name else url,
                "current": name == tab,
                "count": None,
            }
            for name, title in _TABS
        ],
    }


def _actions(actor: Actor, database: Database) -> list[dict[str, Any]]:
    """What can be done to it; those not allowed say what is missing."""
    table = (
        ("database-place-new", "Add where it lives…", "server", DATABASE_MANAGE),
        ("database-edit", "Describe…", "pencil", DATABASE_MANAGE),
        ("database-delete", "Forget it…", "trash", DATABASE_MANAGE),
    )
    return [
        {
            "label": label,
            "icon": icon,
            "allowed": decide(actor, permission, database).allowed,
            "reason": f"needs {permission}",
            "url": reverse(f"schemas:{name}", args=[database.pk]),
        }
        for name, label, icon, permission in table
    ]


# -- tabs ---------------------------------------------------------------------------------------


def _places(view: DatabasePage, database: Database) -> dict[str, Any]:
    rows = list(selectors.instances(database))
    newest = selectors.newest(database)
    return {
        "newest": newest,
        "places": [_place(view.actor, row, newest) for row in rows],
        "manages": can(view.actor, DATABASE_MANAGE, database),
        "shown": MAX_TOLD,
    }


def _place(actor: Actor, row: DatabaseInstance, newest: DatabaseVersion | None) -> dict[str, Any]:
    expected = row.expected or newest
    waits = row.asked_at and (row.checked_at is None or row.asked_at > row.checked_at)
    return {
        "row": row,
        "drift": selectors.told(row.database, row.drift) if row.drift else [],
        "look": LOOKS[row.state],
        "address": reaching.shown(row.url),
        "expected": expected.number if expected else 0,
        "waits": bool(row.active and waits),
        "partly": bool(expected and expected.reader),
        "awaited": selectors.awaited(row) if row.behind else [],
        "may_look": row.active and can(actor, DATABASE_SNAPSHOT, row.scope),
    }


def _versions(view: DatabasePage, database: Database) -> dict[str, Any]:
    rows = database.versions.order_by("-number").defer("sql", "model")
    number = view.request.GET.get("version", "")
    shown = selectors.newest(database)
    if number.isascii() and number.isdigit():
        shown = selectors.version(database, int(number[:12]))
    return {
        "declarations": list(selectors.declarations(database)[:MAX_DECLARATIONS]),
        "versions": list(rows[: showing.MAX_VERSIONS]),
        "version": shown,
        "limits": (*coarse.NOT_COMPARED, *shown.unread) if shown and shown.reader else (),
        "findings": judging.with_readers(shown) if shown else [],
        "refused": sum(judging.refuses(one) for one in shown.findings) if shown else 0,
        "sql": shown.sql[:MAX_TEXT] if shown else "",
        "cut": bool(shown and len(shown.sql) > MAX_TEXT),
    }


def _readers(_: DatabasePage, database: Database) -> dict[str, Any]:
    return {"readers": readers.readers_of(database), "most": readers.MAX_READERS}


_PARTS: dict[str, Callable[[DatabasePage, Database], dict[str, Any]]] = {
    "": _places,
    "schema": showing.schema,
    "differences": showing.differences,
    "versions": _versions,
    "readers": _readers,
}
