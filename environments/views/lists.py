"""The list of environments: filters in the address, keyset paging, export of what is filtered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from environments import selectors
from environments.models import Environment
from environments.selectors import BROKEN_WORD, Filters
from idp.changes.models import Change
from idp.common import keyset
from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
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
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        found = keyset.part(rows, _ORDER, size=PAGE_SIZE, before=before, after=after)
        context = {
            "page": Page(
                "Environments",
                api=f"/api/v1/environments/{query(filters.given)}",
                permission=self.permission,
                topics=["environments"],
            ),
            "rows": list(_with_changes(found.rows)),
            # Where what happens decides which rows there are, a hint concerns the whole list.
            "row_by_row": not (filters.health or filters.state),
            "filters": filters,
            "chips": _chips(filters),
            "views": _views(request, selectors.counts(self.actor), filters),
            "tiers": Tier.choices,
            "states": Environment.State.choices,
            **pages(filters.given, earlier=found.earlier, later=found.later),
            "export": query({**filters.given, "format": "csv"}),
            "beyond": bool(after or before),
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


def _chips(filters: Filters) -> list[dict[str, str]]:
    days = {str(filters.expiring): f"in {filters.expiring} days"}
    return chips(filters.given, reverse("environments:list"), words={"expiring": days})


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
        {"label": label, "url": path + query(own), "count": count, "current": given == own}
        for label, own, count in views
    ]


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
