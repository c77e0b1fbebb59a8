"""The list of subjects: filters in the address, keyset paging, export of what is filtered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
from idp.common.spreadsheets import CHUNK, csv_response
from rbac.access import held_anywhere
from rbac.views.mixins import AccessMixin
from schemas import listing, rows
from schemas.formats.base import FormatName
from schemas.listing import Filters
from schemas.models import Subject
from schemas.permissions import CONFIGURE, REGISTER, VIEW
from schemas.rows import Part
from schemas.snippets import client_lines

MAX_EXPORT = 10_000
EXPORTS = ("csv", "json")


class SubjectList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponseBase:
        filters = Filters.read(request.GET.dict())
        if request.GET.get("export") in EXPORTS:
            return _export(listing.subjects(self.actor, filters), request.GET["export"])
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        found = rows.part(self.actor, filters, before=before, after=after)
        return render(request, "schemas/list.html", self._context(request, filters, found))

    def _context(self, request: HttpRequest, filters: Filters, found: Part) -> dict[str, Any]:
        given = filters.given
        allowed = bool(found.rows) or held_anywhere(self.actor, self.permission)
        return {
            "page": Page(
                "Schemas",
                api=f"/api/v1/subjects/{query(given)}",
                permission=self.permission,
            ),
            "filters": filters,
            "chips": _chips(filters),
            "facets": listing.facets(self.actor),
            "formats": tuple(FormatName),
            "lifecycles": tuple(Subject.State.values),
            "rows": found.rows,
            **pages(given, earlier=found.earlier, later=found.later),
            "exports": [
                *((kind.upper(), query({**given, "export": kind})) for kind in EXPORTS),
                ("Archive", f"{reverse('schemas:export')}{query(given)}"),
            ],
            "may_import": held_anywhere(self.actor, CONFIGURE),
            "allowed": allowed,
            "may_register": held_anywhere(self.actor, REGISTER),
            "client": client_lines(registry_address(request)),
        }


def registry_address(request: HttpRequest) -> str:
    """What a client is given as `schema.registry.url`."""
    return request.build_absolute_uri(reverse("schemas:registry-root"))


def _chips(filters: Filters) -> list[dict[str, str]]:
    labels = {"type": "format", "fails": "fails policy"}
    return chips(filters.given, reverse("schemas:list"), labels, {"deleted": {filters.deleted: ""}})


def _export(subjects: QuerySet[Subject], kind: str) -> StreamingHttpResponse:
    """Exactly the filtered rows, at most `MAX_EXPORT`."""
    found = subjects.order_by(*listing.ORDER)[:MAX_EXPORT].iterator(chunk_size=CHUNK)
    if kind == "csv":
        return csv_response("subjects.csv", listing.COLUMNS, map(_cells, found))
    answer = StreamingHttpResponse(_json(found), content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="subjects.json"'
    return answer


def _cells(row: Subject) -> list[object]:
    cells = listing.exported(row)
    return [*({**cells, "tags": " ".join(cells["tags"])}[column] for column in listing.COLUMNS)]


def _json(subjects: Iterator[Subject]) -> Iterator[str]:
    start = "[\n"
    for row in subjects:
        yield start + json.dumps(listing.exported(row), ensure_ascii=False)
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"
