"""Sharing one environment with one person: a form of its own and on the access tab."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from environments import selectors
from environments.models import Environment, EnvironmentGrant
from idp.common.host import Page
from rbac.access import require
from rbac.models import User
from rbac.permissions import all_permissions
from rbac.services import share, unshare
from rbac.views.forms import ServiceFormView
from rbac.views.mixins import AccessMixin


def choices() -> list[tuple[str, str]]:
    """What may be shared besides seeing the environment and its changes, in words."""
    nouns, always = EnvironmentGrant.nouns, EnvironmentGrant.always
    return [
        (entry.name, f"{entry.title} ({entry.name})")
        for entry in all_permissions()
        if entry.noun in nouns and "environment" in entry.scope_kinds and entry.name not in always
    ]


class ShareForm(forms.Form):
    user = forms.CharField(label="Person", max_length=150, help_text="Like dana.dev.")
    permissions = forms.MultipleChoiceField(
        label="May also",
        required=False,
        choices=choices,
        help_text="Seeing the environment and its changes comes with it.",
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    ends_at = forms.DateTimeField(
        label="Ends at (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    reason = forms.CharField(max_length=300, required=False)

    def clean_user(self) -> User:
        found = User.objects.filter(username=self.cleaned_data["user"].strip()).first()
        if found is None:
            raise forms.ValidationError("There is no such person.", code="unknown")
        return found


class ShareView(ServiceFormView):
    """Asked for here and on the access tab; refusals are shown here, beside their fields."""

    permission = "access.grant"
    form_class = ShareForm
    submit = "Share"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        require(self.actor, self.permission, self._environment())
        return super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        require(self.actor, self.permission, self._environment())
        return super().post(request, **kwargs)

    def page(self) -> Page:
        row = self._environment()
        return Page(
            f"Share {row}",
            [("Environments", reverse("environments:list")), (str(row), _tab(row))],
            api=f"/api/v1/environments/{row}/shares/",
            permission=self.permission,
        )

    def perform(self, form: Any) -> HttpResponse:
        row = self._environment()
        share(self.actor, obj=row, **form.cleaned_data)
        messages.success(self.request, f"Shared with {form.cleaned_data['user'].username}.")
        return HttpResponseRedirect(_tab(row))

    def _environment(self) -> Environment:
        return selectors.environment(self.actor, self.kwargs["project"], self.kwargs["name"])


class ShareEndView(AccessMixin):
    permission = "access.grant"

    def post(self, request: HttpRequest, project: str, name: str, username: str) -> HttpResponse:
        row = selectors.environment(self.actor, project, name)
        require(self.actor, self.permission, row)
        person = selectors.shared_with(row, username)
        unshare(self.actor, user=person, obj=row, reason=request.POST.get("reason", "")[:300])
        messages.success(request, f"No longer shared with {username}.")
        return redirect(_tab(row))


def _tab(row: Environment) -> str:
    return f"{reverse('environments:detail', args=[row.project.name, row.name])}?tab=access"
