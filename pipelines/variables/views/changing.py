"""A new variable, a changed one, one that goes; refusals stand beside the fields."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from idp.common.narrowing import query
from pipelines.permissions import MANAGE
from pipelines.variables import selectors, services
from pipelines.variables.forms import ChangeForm, VariableForm
from pipelines.variables.models import Variable
from pipelines.variables.views.pages import LIST, SHOWN, page, unkept
from rbac.models import Project
from rbac.views.mixins import AccessMixin

ONE = "pipelines:variable"


class VariableNew(AccessMixin):
    permission = MANAGE
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {"project": request.GET.get("project", "")}
        return self._show(VariableForm(projects=selectors.managed(self.actor), initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = VariableForm(request.POST, projects=selectors.managed(self.actor))
        if form.is_valid():
            given = dict(form.cleaned_data)
            project: Project = given.pop("project")
            try:
                row = services.create(self.actor, project, **given)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{row.name} is kept for {project.name}.")
                return redirect(ONE, row.pk)
        return self._show(form, status=422)

    def _show(self, form: VariableForm, status: int = 200) -> HttpResponse:
        name = str(form["project"].value() or "").replace("\0", "")[:255]
        back = reverse(LIST) + query({"project": name} if name else {})
        above = [("CI variables", reverse(LIST))]
        frame = Page("New CI variable", above, permission=MANAGE, nav=LIST)
        context = {"page": frame, "form": form, "back": back}
        return unkept(render(self.request, "pipelines/variables/edit.html", context, status=status))


class VariableEdit(AccessMixin):
    permission = MANAGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.variable(self.actor, pk)
        return self._show(row, ChangeForm(row, shown=request.GET.get("value") == SHOWN))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.variable(self.actor, pk)
        form = ChangeForm(row, request.POST, shown=request.POST.get("shown") == "1")
        if form.is_valid():
            try:
                services.update(self.actor, pk, **form.values)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{row.name} is changed.")
                return redirect(ONE, pk)
        return self._show(row, form, status=422)

    def _show(self, row: Variable, form: ChangeForm, status: int = 200) -> HttpResponse:
        context = {
            "page": page(row, "Change"),
            "variable": row,
            "form": form,
            "back": reverse(ONE, args=[row.pk]),
        }
        return unkept(render(self.request, "pipelines/variables/edit.html", context, status=status))


class VariableDelete(AccessMixin):
    """Say what is lost, then delete it."""

    permission = MANAGE

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.variable(self.actor, pk)
        context = {
            "page": page(row, "Delete"),
            "variable": row,
            "others": selectors.others(row),
            "back": reverse(ONE, args=[row.pk]),
        }
        return render(request, "pipelines/variables/delete.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.variable(self.actor, pk)
        services.delete(self.actor, pk)
        messages.success(request, f"{row.name} of {row.project.name} is deleted.")
        return redirect(reverse(LIST) + query({"project": row.project.name}))
