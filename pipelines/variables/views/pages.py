"""The list of variables and one variable; a plain value is shown when it is asked for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
from pipelines.permissions import MANAGE
from pipelines.variables import selectors
from pipelines.variables.models import Variable
from pipelines.variables.selectors import Filters
from rbac.access import held_anywhere
from rbac.views.mixins import AccessMixin

LIST = "pipelines:variables"
SHOWN = "shown"


class VariableList(AccessMixin):
    permission = MANAGE

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        found = selectors.part(self.actor, filters, before=before, after=after)
        given = filters.given
        name = filters.project
        context = {
            "page": Page(
                "CI variables",
                api=f"/api/v1/projects/{name}/variables/" if name else "",
                permission=MANAGE,
                nav=LIST,
            ),
            "filters": filters,
            "chips": chips(filters.given, reverse(LIST)),
            "projects": list(selectors.managed(self.actor).values_list("name", flat=True)),
            "rows": found.rows,
            **pages(given, earlier=found.earlier, later=found.later),
            "may_add": held_anywhere(self.actor, MANAGE),
            "add": reverse("pipelines:variable-new") + query({"project": name} if name else {}),
        }
        return render(request, "pipelines/variables/list.html", context)


class VariablePage(AccessMixin):
    permission = MANAGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.variable(self.actor, pk)
        asked = request.GET.get("value") == SHOWN and not row.secret
        context = {
            "page": page(row),
            "variable": row,
            "asked": asked,
            "value": selectors.shown(row) if asked else "",
            "others": selectors.others(row),
        }
        return unkept(render(request, "pipelines/variables/variable.html", context))


def unkept(answer: HttpResponse) -> HttpResponse:
    """A page that may hold a value stays in no cache."""
    answer["Cache-Control"] = "no-store"
    return answer


def page(row: Variable, title: str = "") -> Page:
    """The frame of a page about one variable."""
    name = row.project.name
    above = [
        ("CI variables", reverse(LIST)),
        (name, reverse(LIST) + query({"project": name})),
    ]
    if title:
        above.append((row.name, reverse("pipelines:variable", args=[row.pk])))
    api = f"/api/v1/variables/{row.pk}/"
    return Page(title or row.name, above, api=api, permission=MANAGE, nav=LIST)
