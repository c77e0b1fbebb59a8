"""The list of environments: filters in the address, keyset paging, export of what is filtered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from environments import selectors
from environments.models import Environment
from environments.selectors import BROKEN_WORD, Filters
from idp.changes.models import Change
from idp.common.host import Page
from idp.common.spreadsheets import CHUNK, csv_response
from rbac.access import held_anywhere
from rbac.models import Tier
from rbac.views.mixins import AccessMixin

PAGE_SIZE = 25
MAX_ROWS_TEXT = 2_000
_ROW = re.compile(r"scope-[0-9]{1,18}")
_ORDER = ("project__name", "name", "id")
_COLUMNS = (
    "project", "name", "tier", "state", "health", "sync", "cluster", "owner", "address",
    "expires_at", "created_at",
)  # fmt: skip


class EnvironmentListView(AccessMixin):
    permission = "environment.view"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if "rows" in request.GET:
            return self._rows(request)
        filters = Filters.read(request.GET)
        rows = selectors.filtered(selectors.environments(self.actor), filters)
        if request.GET.get("format") == "csv":
            return _export(rows)
        found, earlier, later = keyset(rows, request.GET)
        context = {
            "page": Page(
                "Environments",
                api=f"/api/v1/environments/{_query(filters.given)}",
                permission=self.permission,
                topics=["environments"],
            ),
            "rows": list(_with_changes(found)),
            # Where what happens decides which rows there are, a hint concerns the whole list.
            "row_by_row": not (filters.health or filters.state),
            "filters": filters,
            "chips": _chips(filters),
            "views": _views(request, selectors.counts(self.actor), filters),
            "tiers": Tier.choices,
            "states": Environment.State.choices,
            "previous": _query({**filters.given, "before": earlier}) if earlier else "",
            "next": _query({**filters.given, "after": later}) if later else "",
            "export": _query({**filters.given, "format": "csv"}),
            "beyond": bool(request.GET.get("after") or request.GET.get("before")),
            "may_see": held_anywhere(self.actor, self.permission),
            "may_create": held_anywhere(self.actor, "environment.create"),
        }
        return render(request, "environments/list.html", context)

    def _rows(self, request: HttpRequest) -> HttpResponse:
        """The rows that live hints named, and nothing around them; deleted ones are left out."""
        names = request.GET["rows"][:MAX_ROWS_TEXT].split(",")
        scopes = {int(n.removeprefix("scope-")) for n in names if _ROW.fullmatch(n)}
        rows = list(selectors.alive(self.actor).filter(scope__in=scopes)[:PAGE_SIZE])
        context = {"rows": list(_with_changes(rows))}
        return render(request, "environments/parts/rows.html", context)


def _with_changes(rows: list[Environment]) -> Iterator[tuple[Environment, Change | None]]:
    running = selectors.running_changes(rows)
    for row in rows:
        yield row, running.get(row.scope_id)


def _query(parts: dict[str, str]) -> str:
    return f"?{urlencode(parts)}" if parts else ""


def _chips(filters: Filters) -> list[dict[str, str]]:
    path = reverse("environments:list")
    found = []
    for label, value in filters.given.items():
        rest = {k: v for k, v in filters.given.items() if k != label}
        shown = f"in {value} days" if label == "expiring" else value
        found.append({"label": label, "value": shown, "url": path + _query(rest)})
    return found


def _views(request: HttpRequest, numbers: dict[str, int], filters: Filters) -> list[dict[str, Any]]:
    path, given = reverse("environments:list"), filters.given
    name = request.user.get_username()
    views = [
        ("All", {}, numbers["all"]),
        ("Mine", {"owner": name}, numbers["mine"]),
        ("Previews", {"tier": "preview"}, numbers["previews"]),
        ("Expire this week", {"expiring": "7"}, numbers["expiring"]),
        ("Failing", {"health": BROKEN_WORD}, numbers["broken"]),
    ]
    return [
        {"label": label, "url": path + _query(query), "count": count, "current": given == query}
        for label, query, count in views
    ]


def keyset(rows: QuerySet[Environment], query: Any) -> tuple[list[Environment], str, str]:
    """A page by project and name, with the cursors of the pages before and after ("" for none)."""
    before, after = _cursor(query.get("before", "")), _cursor(query.get("after", ""))
    if before:
        found = list(rows.filter(_beyond(before, "lt")).order_by(*(f"-{k}" for k in _ORDER))[
            : PAGE_SIZE + 1
        ])  # fmt: skip
        more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE][::-1]
        return found, _mark(found[0]) if more and found else "", _mark(found[-1]) if found else ""
    if after:
        rows = rows.filter(_beyond(after, "gt"))
    found = list(rows.order_by(*_ORDER)[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    earlier = _mark(found[0]) if after and found else ""
    return found, earlier, _mark(found[-1]) if more else ""


def _mark(row: Environment) -> str:
    return f"{row.project.name}~{row.name}~{row.pk}"


def _cursor(text: str) -> tuple[str, str, int] | None:
    parts = str(text)[:120].replace("\0", "").split("~")
    if len(parts) != len(_ORDER) or not (parts[2].isascii() and parts[2].isdecimal()):
        return None
    return parts[0], parts[1], min(int(parts[2][:18]), 2**62)


def _beyond(cursor: tuple[str, str, int], side: str) -> Q:
    project, name, pk = cursor
    return (
        Q(**{f"project__name__{side}": project})
        | Q(project__name=project, **{f"name__{side}": name})
        | Q(project__name=project, name=name, **{f"pk__{side}": pk})
    )


def _export(rows: QuerySet[Environment]) -> StreamingHttpResponse:
    ordered = rows.prefetch_related(None).order_by(*_ORDER)
    values = (_values(row) for row in ordered.iterator(chunk_size=CHUNK))
    return csv_response("environments.csv", _COLUMNS, values)


def _values(row: Environment) -> list[str]:
    made = row.application
    moments = [m.isoformat() if m else "" for m in (row.expires_at, row.created_at)]
    owner = row.owner.username if row.owner else ""
    return [
        row.project.name, row.name, row.tier, row.state, made.health, made.sync,
        made.cluster.name, owner, row.address, *moments,
    ]  # fmt: skip
