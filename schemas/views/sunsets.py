"""The calendar of ends: subjects by the month in which they end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from rbac.views.mixins import AccessMixin
from schemas.addresses import page_of
from schemas.dependants import life, portal_parts
from schemas.models import Subject
from schemas.permissions import VIEW

MAX_SHOWN = 500


class Sunsets(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        uses = Count(
            "versions__deployments__holder",
            filter=Q(versions__deployments__ended_at=None),
            distinct=True,
        )
        rows = portal_parts.sunsets(self.actor).annotate(users=uses)[:MAX_SHOWN]
        context = {
            "page": Page(
                "Sunset calendar",
                [("Schemas", reverse("schemas:list"))],
                api="/api/v1/subjects/?lifecycle=sunset",
                permission=self.permission,
                nav="schemas:list",
            ),
            "months": months(rows),
        }
        return render(request, "schemas/sunsets.html", context)


def months(rows: Iterable[Subject]) -> list[dict[str, Any]]:
    """Rows in order of their day, by month."""

    def month(row: Subject) -> date:
        return (row.sunset_on or life.today()).replace(day=1)

    return [
        {"day": day, "rows": [_row(one) for one in found]} for day, found in groupby(rows, month)
    ]


def _row(row: Any) -> dict[str, Any]:
    return {
        "subject": row,
        "url": page_of(row),
        "day": row.sunset_on.isoformat(),
        "over": row.sunset_on < life.today(),
        "users": row.users,
    }
