"""The page of resource groups: who has each, who waits, and who is next."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs import groups
from pipelines.runs.groups import Filters
from pipelines.runs.services import grouping
from rbac.views.mixins import AccessMixin

LIST = "pipelines:resource-groups"


class GroupList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        turns, found = groups.part(self.actor, filters, before=before, after=after)
        given, name = filters.given, filters.project
        context = {
            "page": Page(
                "Resource groups",
                [("Pipelines", reverse("pipelines:list"))],
                api=f"/api/v1/projects/{name}/resource-groups/" if name else "",
                permission=VIEW,
                nav="pipelines:list",
            ),
            "filters": filters,
            "chips": chips(given, reverse(LIST)),
            "turns": turns,
            "modes": grouping.Mode.choices,
            **pages(given, earlier=found.earlier, later=found.later),
        }
        return render(request, "pipelines/groups/list.html", context)


class GroupMode(AccessMixin):
    """POST sets who is next."""

    permission = MANAGE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = groups.managed(self.actor, pk=pk)
        mode = request.POST.get("process_mode", "")[:40]
        grouping.set_mode(self.actor, row.project, row.key, mode)
        title = grouping.Mode(mode).label
        messages.success(request, f"{row.key} of {row.project.name}: {title.lower()}.")
        return redirect(reverse(LIST) + query({"project": row.project.name}))
