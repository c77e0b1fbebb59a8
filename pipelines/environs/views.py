"""The page of environments of jobs: where each is, until when, and what stops it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import Clash
from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
from pipelines.environs import selectors
from pipelines.environs.models import JobEnvironment
from pipelines.environs.selectors import Filters
from pipelines.environs.services import stopping
from pipelines.permissions import RUN, VIEW
from portal.permissions import keeper_scope
from rbac.access import can, require
from rbac.views.mixins import AccessMixin

LIST = "pipelines:environments"
_LOOKS = {"available": "success", "stopping": "running", "stopped": "stopped"}


class EnvironmentList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        rows = selectors.environments(self.actor, filters)
        found = selectors.part(
            rows, before=request.GET.get("before", ""), after=request.GET.get("after", "")
        )
        given = filters.given
        projects = {one.project_id: one.project for one in found.rows}
        runs = {pk for pk, one in projects.items() if can(self.actor, RUN, keeper_scope(one))}
        context = {
            "page": Page(
                "Environments of jobs",
                [("Pipelines", reverse("pipelines:list"))],
                api="/api/v1/job-environments/",
                permission=VIEW,
                nav="pipelines:list",
            ),
            "filters": filters,
            "chips": chips(given, reverse(LIST)),
            "states": JobEnvironment.State.choices,
            "rows": [
                {
                    "row": one,
                    "look": _LOOKS[one.state],
                    "may_stop": one.project_id in runs and one.state != "stopped",
                }
                for one in found.rows
            ],
            **pages(given, earlier=found.earlier, later=found.later),
        }
        return render(request, "pipelines/environs/list.html", context)


class EnvironmentStop(AccessMixin):
    """POST starts the stop job, or stops what no job stops."""

    permission = RUN

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.environment(self.actor, pk)
        require(self.actor, RUN, keeper_scope(row.project))
        try:
            stopping.stop(self.actor, row)
        except Clash as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
        else:
            messages.success(request, f"{row.name}: {row.get_state_display().lower()}.")
        return redirect(reverse(LIST) + query({"project": row.project.name}))
