"""Putting a test in quarantine, and taking it out."""

from __future__ import annotations

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from idp.common.errors import SlipwayError
from pipelines.permissions import QUARANTINE
from pipelines.reports import selectors, services
from pipelines.reports.models import TestCase
from pipelines.reports.views.tests import page_of
from portal.forms import ServiceForm
from rbac.access import require
from rbac.models import Team
from rbac.views.mixins import AccessMixin


class QuarantineForm(ServiceForm):
    """Why a test may fail without blocking, who mends it, and until when."""

    reason = forms.CharField(
        max_length=services.MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What is known of the cause. The test’s page and the audit trail show it.",
    )
    owner: forms.ModelChoiceField[Team] = forms.ModelChoiceField(
        Team.objects.order_by("name"),
        to_field_name="name",
        empty_label=None,
        help_text="The team that mends it.",
    )
    ends_at = forms.DateTimeField(
        label="Until",
        help_text=f"UTC, at most {services.MAX_QUARANTINE_DAYS} days ahead; it blocks again then.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        initial=lambda: timezone.now() + timedelta(days=14),
    )


class QuarantineTest(AccessMixin):
    permission = QUARANTINE

    def test(self, pk: int) -> TestCase:
        row = selectors.test(self.actor, pk)
        require(self.actor, QUARANTINE, row.project)
        return row

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.test(pk)
        return self._show(row, QuarantineForm(initial={"owner": row.owner.name}))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self.test(pk)
        form = QuarantineForm(request.POST)
        if form.is_valid():
            try:
                made = services.quarantine(self.actor, row, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"It blocks nothing until {made.ends_at:%-d %B %Y}.")
                return redirect("pipelines:test", row.pk)
        return self._show(row, form, 422)

    def _show(self, row: TestCase, form: QuarantineForm, status: int = 200) -> HttpResponse:
        context = {"page": page_of(row, "Quarantine"), "test": row, "form": form}
        return render(self.request, "pipelines/reports/quarantine.html", context, status=status)


class ReleaseTest(AccessMixin):
    """POST ends the quarantine; GET leads back to the test, whose page has the button."""

    permission = QUARANTINE

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.test(self.actor, pk)
        try:
            services.release(self.actor, row)
        except SlipwayError as error:
            if error.status != 422:  # noqa: PLR2004  # a refusal of the input; others have pages
                raise
            messages.error(request, error.message)
        else:
            messages.success(request, "It blocks again.")
        return redirect("pipelines:test", row.pk)
