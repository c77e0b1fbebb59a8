"""How long pipelines are kept, by project; and one project's, with what goes."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from idp.common.narrowing import chips, pages
from pipelines.permissions import MANAGE, VIEW
from pipelines.retention import selectors, services
from pipelines.retention.forms import RetentionForm
from pipelines.retention.models import default_days
from pipelines.retention.selectors import Filters, Kept
from rbac.views.mixins import AccessMixin

LIST = "pipelines:retention"
_TITLE = "How long pipelines are kept"


class RetentionList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        before, after = request.GET.get("before", ""), request.GET.get("after", "")
        rows, found = selectors.part(self.actor, filters, before=before, after=after)
        given = filters.given
        above = [("Pipelines", reverse("pipelines:list"))]
        context = {
            "page": Page(_TITLE, above, permission=VIEW, nav="pipelines:list"),
            "filters": filters,
            "chips": chips(given, reverse(LIST)),
            "rows": rows,
            "default": default_days(),
            **pages(given, earlier=found.earlier, later=found.later),
        }
        return render(request, "pipelines/retention/list.html", context)


class RetentionEdit(AccessMixin):
    """POST saves the days; where pipelines go by that, it says so first and asks once more."""

    permission = MANAGE

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        kept = selectors.managed(self.actor, name)
        form = RetentionForm(initial={"days": kept.days, "for_ever": kept.days is None})
        return self._show(kept, form, kept.days)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        kept = selectors.managed(self.actor, name)
        form = RetentionForm(request.POST)
        if not form.is_valid():
            return self._show(kept, form, kept.days, status=422)
        wanted = form.wanted
        sure = request.POST.get("sure", "") == str(wanted)
        if not sure and selectors.going(kept.project, wanted):
            return self._show(kept, form, wanted, asked=True, status=422)
        try:
            services.set_days(self.actor, kept.project, wanted)
        except SlipwayError as error:
            form.take(error)
            return self._show(kept, form, kept.days, status=422)
        words = "for ever" if wanted is None else f"for {wanted} days"
        messages.success(request, f"Pipelines of {name} are kept {words}.")
        return redirect(LIST)

    def _show(
        self, kept: Kept, form: RetentionForm, days: int | None, *, asked: bool = False,
        status: int = 200,
    ) -> HttpResponse:  # fmt: skip
        name = kept.project.name
        above = [("Pipelines", reverse("pipelines:list")), ("Kept for", reverse(LIST))]
        api = f"/api/v1/projects/{name}/pipeline-retention/"
        count = selectors.going(kept.project, days)
        context = {
            "page": Page(name, above, api=api, permission=MANAGE, nav="pipelines:list"),
            "kept": kept,
            "form": form,
            "days": days,
            "asked": asked,
            "count": count,
            "more": count >= selectors.MOST_COUNTED,
            "back": reverse(LIST),
        }
        return render(self.request, "pipelines/retention/edit.html", context, status=status)
