"""The health of tests: what fails now, what is flaky, what is slow; and one test's page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from idp.common.narrowing import chips, query
from idp.common.spreadsheets import CHUNK, csv_response
from pipelines.permissions import QUARANTINE, VIEW
from pipelines.reports import selectors, words
from pipelines.reports.drawing import line
from pipelines.reports.models import TestCase
from pipelines.reports.selectors import STATES, Filters
from rbac.access import can, held_anywhere, visible
from rbac.actors import Actor
from rbac.models import Project
from rbac.views.mixins import AccessMixin

MAX_EXPORT = 10_000
MAX_ROWS = 100  # of one list by itself
MAX_PART = 10  # of each list where all stand together
MAX_STRIP = 60
TITLES = {
    "failing": ("Failing now", "On the target branch: the newest first."),
    "flaky": ("Flaky", "Passed and failed on one commit in the last 30 days."),
    "quarantined": ("In quarantine", "They still run, and block nothing until the day named."),
    "slow": ("Slowest", "By the time that 95 of 100 runs stay under."),
}


class TestHealth(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponseBase:
        filters = Filters.read(request.GET.dict())
        if request.GET.get("export") in {"csv", "json"}:
            rows = selectors.ordered(selectors.tests(self.actor, filters), filters.state)
            return exported(rows[:MAX_EXPORT], request.GET["export"])
        lists = [
            found
            for state in ([filters.state] if filters.state in STATES else STATES)
            if (found := self._list(filters, state))["rows"] or filters.state
        ]
        return render(request, "pipelines/reports/tests.html", self._context(filters, lists))

    def _list(self, filters: Filters, state: str) -> dict[str, Any]:
        given = {**filters.given, "state": state}
        most = MAX_ROWS if filters.state else MAX_PART
        rows = selectors.tests(self.actor, Filters(**given))
        found = list(selectors.ordered(rows, state)[: most + 1])
        title, text = TITLES[state]
        return {
            "state": state,
            "title": title,
            "text": text,
            "rows": [shown(row) for row in found[:most]],
            "more": len(found) > most,
            "url": query(given),
        }

    def _context(self, filters: Filters, lists: list[dict[str, Any]]) -> dict[str, Any]:
        given, some = filters.given, any(one["rows"] for one in lists)
        any_test = some or visible(self.actor, VIEW, TestCase.objects.all()).exists()
        project = visible(self.actor, VIEW, Project.objects.order_by("name")).first()
        return {
            "page": Page(
                "Tests",
                api=f"/api/v1/tests/{query(given)}",
                permission=VIEW,
            ),
            "filters": filters,
            "states": [(state, TITLES[state][0]) for state in STATES],
            "chips": chips(filters.given, reverse("pipelines:tests")),
            "lists": lists,
            "some": some,
            "any": any_test,
            "commits": selectors.commits(self.actor) if not given else [],
            "exports": [
                (kind.upper(), query({**given, "export": kind})) for kind in ("csv", "json")
            ],
            "allowed": any_test or held_anywhere(self.actor, VIEW),
            "facets": facets(self.actor),
            "may_quarantine": held_anywhere(self.actor, QUARANTINE),
            "curl": words.curl(
                self.request.build_absolute_uri("/"), project.name if project else "PROJECT"
            ),
        }


def facets(actor: Actor) -> dict[str, list[str]]:
    """The projects that have tests, for the filter."""
    rows = visible(actor, VIEW, Project.objects.filter(tests__isnull=False))
    names = rows.order_by("name").values_list("name", flat=True).distinct()
    return {"projects": list(names[:100])}


def shown(row: TestCase) -> dict[str, Any]:
    return {
        "test": row,
        "url": reverse("pipelines:test", args=[row.pk]),
        "look": words.outcome_of(row),
        "median": words.duration(row.median),
        "p95": words.duration(row.p95),
        "rate": f"{row.failure_rate * 100:.0f} %",
    }


def exported(rows: QuerySet[TestCase], kind: str) -> StreamingHttpResponse:
    """Exactly the filtered rows, at most `MAX_EXPORT`."""
    found = (selectors.exported(row) for row in rows.iterator(chunk_size=CHUNK))
    if kind == "csv":
        cells = ([row[name] for name in selectors.COLUMNS] for row in found)
        return csv_response("tests.csv", selectors.COLUMNS, cells)
    answer = StreamingHttpResponse(_json(found), content_type="application/json")
    answer["Content-Disposition"] = 'attachment; filename="tests.json"'
    return answer


def _json(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    start = "[\n"
    for row in rows:
        yield start + json.dumps(row, ensure_ascii=False)
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


class TestPage(AccessMixin):
    """One test: how it went lately, how long it took, who owns it, and its quarantine."""

    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.test(self.actor, pk)
        found = selectors.history(row)
        passed = [
            one.seconds
            for one in found.results
            if one.outcome == "passed" and one.seconds is not None
        ]
        context = {
            **shown(row),
            "page": page_of(row),
            "history": found,
            "strip": found.results[:MAX_STRIP][::-1],
            "last_red": next((one for one in found.results if one.details or one.message), None),
            "line": line(passed[::-1]),
            "quarantine": selectors.quarantine_of(row),
            "former": row.quarantines.exclude(ended_at=None).select_related("owner")[:10],
            "may_quarantine": can(self.actor, QUARANTINE, row.project),
            "times": {
                "median": words.duration(found.median),
                "p95": words.duration(found.p95),
                "rate": "–" if found.failure_rate is None else f"{found.failure_rate * 100:.0f} %",
            },
        }
        return render(request, "pipelines/reports/test.html", context)


def page_of(row: TestCase, title: str = "") -> Page:
    crumbs = [("Tests", reverse("pipelines:tests"))]
    if title:
        crumbs.append((row.name[:30], reverse("pipelines:test", args=[row.pk])))
    return Page(
        title or str(row),
        crumbs,
        api=f"/api/v1/tests/{row.pk}/",
        owner=row.owner.name,
        permission=VIEW,
        nav="pipelines:tests",
    )
