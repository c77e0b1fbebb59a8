"""Pages: what waits for me, freezes, and waivers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import TemplateView, View

from idp.changes import selectors, services
from idp.changes.models import Freeze
from idp.changes.views import TELLABLE, in_words
from idp.common.host import Page
from rbac.access import can, held_anywhere, require_anywhere
from rbac.selectors import scope_at
from rbac.views import AccessMixin

MAX_FREEZES = 100


class InboxPage(AccessMixin, TemplateView):
    """What waits for this person, with the button that answers it."""

    permission = "change.view"
    template_name = "changes/inbox.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        changes = list(selectors.inbox_changes(self.actor)[: selectors.MAX_INBOX])
        waivers = list(selectors.inbox_waivers(self.actor)[: selectors.MAX_INBOX])
        return {
            **super().get_context_data(**kwargs),
            "page": Page(
                "Waiting for me", api="/api/v1/inbox/", permission="change.view", topics=["inbox"]
            ),
            "rows": [(c, selectors.to_confirm(self.actor, c)) for c in changes],
            "waivers": waivers,
            "followed": {
                waiver.pk
                for waiver in waivers
                if waiver.change and can(self.actor, "change.view", waiver.change.scope)
            },
        }


class FreezeForm(forms.Form):
    scope = forms.CharField(
        max_length=100, label="Place", help_text="everything, orders, or orders/production"
    )
    reason = forms.CharField(max_length=300, label="Reason", help_text="Stands in the banner")
    starts_at = forms.DateTimeField(
        required=False,
        label="From",
        help_text="UTC; empty: now",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    ends_at = forms.DateTimeField(
        label="Until",
        help_text="UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )


class FreezePage(AccessMixin, View):
    permissions = {"GET": "freeze.view", "POST": "freeze.manage"}

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(request, FreezeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, "freeze.manage")
        form = FreezeForm(request.POST)
        if not form.is_valid():
            return self._page(request, form, status=422)
        given = form.cleaned_data
        try:
            scope = scope_at(self.actor, given.pop("scope"))
            services.freeze(self.actor, scope, **given)
        except TELLABLE as error:
            for found in error.errors:
                form.add_error(
                    found.field if found.field in form.fields else None,
                    f"{found.message} {found.fix}",
                )
            if not error.errors:
                form.add_error(None, error.message)
            return self._page(request, form, status=422)
        return HttpResponseRedirect(reverse("changes:freezes"))

    def _page(self, request: HttpRequest, form: FreezeForm, status: int = 200) -> HttpResponse:
        now = timezone.now()
        rows = list(selectors.freeze_list(self.actor)[:MAX_FREEZES])
        context = {
            "page": Page("Freezes", api="/api/v1/freezes/", permission="freeze.view"),
            "rows": [(f, _state(f, now), can(self.actor, "freeze.manage", f.scope)) for f in rows],
            "form": form,
            "may_freeze": held_anywhere(self.actor, "freeze.manage"),
        }
        return render(request, "changes/freezes.html", context, status=status)


def _state(freeze: Freeze, now: Any) -> str:
    if freeze.lifted_at is not None:
        return "lifted"
    if freeze.ends_at <= now:
        return "ended"
    return "in force" if freeze.starts_at <= now else "planned"


class LiftFreeze(AccessMixin, View):
    permission = "freeze.manage"
    http_method_names = ("post", "options")

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.freeze_get(self.actor, pk)
        try:
            services.lift_freeze(self.actor, row)
        except TELLABLE as error:
            messages.error(request, in_words(error))
        return HttpResponseRedirect(reverse("changes:freezes"))


class WaiverVerb(AccessMixin, View):
    """Grant or revoke a waiver from the inbox."""

    permission = "gate.waive"
    http_method_names = ("post", "options")
    verb = "grant"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        waiver = selectors.waiver_get(self.actor, pk)
        try:
            if self.verb == "grant":
                services.grant_waiver(self.actor, waiver)
            else:
                services.revoke_waiver(self.actor, waiver, request.POST.get("answer", ""))
        except TELLABLE as error:
            messages.error(request, in_words(error))
        if "plan" in request.POST and waiver.change_id:
            return HttpResponseRedirect(reverse("changes:plan", args=[waiver.change_id]))
        return HttpResponseRedirect(reverse("changes:inbox"))
