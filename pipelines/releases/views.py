"""The page of releases: each with its notes, what it is made of, and its links."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from idp.common.narrowing import chips, pages
from pipelines.permissions import VIEW
from pipelines.releases import selectors
from pipelines.releases.selectors import Filters
from rbac.views.mixins import AccessMixin

LIST = "pipelines:releases"


class ReleaseList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        found = selectors.part(selectors.releases(self.actor, filters), before=before, after=after)
        given = filters.given
        context = {
            "page": Page(
                "Releases",
                [("Pipelines", reverse("pipelines:list"))],
                api="/api/v1/releases/",
                permission=VIEW,
                nav="pipelines:list",
            ),
            "filters": filters,
            "chips": chips(given, reverse(LIST)),
            "rows": found.rows,
            **pages(given, earlier=found.earlier, later=found.later),
        }
        return render(request, "pipelines/releases/list.html", context)
