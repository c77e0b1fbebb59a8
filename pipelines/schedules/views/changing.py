"""Make, change and act on schedules; refusals stand beside the fields."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import Invalid, SlipwayError
from pipelines.permissions import MANAGE, RUN
from pipelines.runs.addresses import page_of
from pipelines.runs.views.start import asked_for, startable
from pipelines.schedules import cron as crons
from pipelines.schedules import selectors, services
from pipelines.schedules.models import Schedule
from pipelines.schedules.views.forms import ScheduleForm, fits
from pipelines.schedules.views.pages import API, LIST, page
from pipelines.schedules.views.words import clock
from portal.permissions import keeper_scope
from rbac.access import require, require_anywhere
from rbac.views.mixins import AccessMixin

MAX_TEXT = 200


def checked(cron: str, zone: str) -> dict[str, Any]:
    """The next times of an expression, or what is wrong with it."""
    try:
        found = services.preview(cron[:MAX_TEXT], zone[:MAX_TEXT])
    except Invalid as error:
        return {"errors": error.errors}
    times = [{"at": moment, "clock": clock(moment)} for moment in found]
    return {"times": times, "words": crons.words(" ".join(cron.split())), "zone": zone}


class CheckTimes(AccessMixin):
    """When an expression runs, while one writes it."""

    permission = RUN
    anywhere = True

    def post(self, request: HttpRequest) -> HttpResponse:
        asked = checked(request.POST.get("cron", ""), request.POST.get("timezone", ""))
        return render(request, "pipelines/schedules/check.html", asked)


class Editor(AccessMixin):
    """Base of the pages with the form of a schedule."""

    permission = RUN

    def shown(self, form: ScheduleForm, **more: Any) -> HttpResponse:
        asked = checked(str(form["cron"].value() or ""), str(form["timezone"].value() or ""))
        context = {"form": form, "zones": sorted(crons.zones()), **asked, **more}
        status = 422 if form.errors else 200
        return render(self.request, "pipelines/schedules/edit.html", context, status=status)


class ScheduleNew(Editor):
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        given = asked_for(request)
        return self._show(ScheduleForm(projects=startable(self.actor), initial=given))

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, RUN)
        form = ScheduleForm(request.POST, projects=startable(self.actor))
        if form.is_valid():
            values = dict(form.cleaned_data)
            project = values.pop("project")
            require(self.actor, RUN, keeper_scope(project))
            try:
                row = services.create(self.actor, project, **values)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{row.description} is scheduled.")
                return redirect("pipelines:schedule", row.pk)
        return self._show(form)

    def _show(self, form: ScheduleForm) -> HttpResponse:
        return self.shown(form, page=page("New schedule", API, RUN), back=reverse(LIST))


class ScheduleEdit(Editor):
    permission = MANAGE  # or owning it

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._find(pk)
        return self._show(ScheduleForm(projects=startable(self.actor), row=row), row)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._find(pk)
        form = ScheduleForm(request.POST, projects=startable(self.actor), row=row)
        if form.is_valid():
            try:
                services.update(self.actor, pk, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                return redirect("pipelines:schedule", pk)
        return self._show(form, row)

    def _find(self, pk: int) -> Schedule:
        row = selectors.schedule(self.actor, pk)
        services.permit(self.actor, row)
        return row

    def _show(self, form: ScheduleForm, row: Schedule) -> HttpResponse:
        return self.shown(
            form,
            page=page("Change", f"{API}{row.pk}/", MANAGE, row),
            schedule=row,
            owned=selectors.owns(self.actor, row),
            many_lines=not fits(row),
            back=reverse("pipelines:schedule", args=[row.pk]),
        )


class ActOnSchedule(AccessMixin):
    """Run it now, or take it over."""

    permission = RUN
    action = ""

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.schedule(self.actor, pk)
        try:
            return self._act(row)
        except Invalid as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
            return redirect("pipelines:schedule", pk)

    def _act(self, row: Schedule) -> HttpResponse:
        if self.action == "run":
            return redirect(page_of(services.run(self.actor, row.pk)))
        if self.action == "delete":
            services.delete(self.actor, row.pk)
            messages.success(self.request, f"{row.description} is deleted.")
            return redirect(LIST)
        if self.action == "take":
            services.take(self.actor, row.pk)
            messages.success(self.request, f"{row.description} is yours; it runs with your rights.")
        else:
            services.update(self.actor, row.pk, active=self.action == "activate")
        return redirect("pipelines:schedule", row.pk)


class ChangeSchedule(ActOnSchedule):
    """Switch it on or off, or delete it: its owner's, or a maintainer's."""

    permission = MANAGE


ACTIONS = {
    **dict.fromkeys(("run", "take"), ActOnSchedule),
    **dict.fromkeys(("activate", "deactivate", "delete"), ChangeSchedule),
}
