"""“Start a pipeline”: project, branch or tag, variables; refusals stand beside the fields."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gitops.hosts.local import MAIN
from idp.common.errors import SlipwayError
from idp.common.host import Page
from idp.common.idempotency import MAX_KEY
from pipelines.permissions import RUN, VIEW
from pipelines.runs.addresses import page_of
from pipelines.runs.commits import short
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from portal.forms import ServiceForm
from portal.permissions import keeper_scope
from rbac.access import require, visible
from rbac.actors import Actor
from rbac.models import Project
from rbac.views.mixins import AccessMixin

TITLE = "Start a pipeline"
MAX_TEXT = 100_000
HELP = "One NAME=value a line; they win over the file’s own. Values are kept encrypted."


class StartForm(ServiceForm):
    """What a pipeline needs to begin; its services judge the values."""

    project: forms.ModelChoiceField[Project] = forms.ModelChoiceField(
        None, to_field_name="name", empty_label=None
    )
    ref = forms.CharField(
        max_length=255,
        label="Branch or tag",
        initial=short(MAIN),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    variables = forms.CharField(
        required=False,
        max_length=MAX_TEXT,
        help_text=HELP,
        widget=forms.Textarea(attrs={"rows": 5, "class": "sw-mono", "spellcheck": "false"}),
    )
    once = forms.CharField(required=False, max_length=MAX_KEY, widget=forms.HiddenInput)

    def __init__(self, *args: Any, projects: QuerySet[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]  # a model's choice

    def clean_variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, line in enumerate(self.cleaned_data["variables"].splitlines(), start=1):
            name, equals, value = line.partition("=")
            if not line.strip():
                continue
            if not equals:
                raise forms.ValidationError(f"Line {number} has no “=”. Write NAME=value.")
            if name.strip() in found:
                raise forms.ValidationError(f"Line {number} names {name.strip()[:60]} again.")
            found[name.strip()] = value
        return found


def startable(actor: Actor) -> QuerySet[Project]:
    """The projects whose pipelines the actor sees; whether they may run there is decided after."""
    return visible(actor, VIEW, Project.objects.all()).order_by("name")


class StartPage(AccessMixin):
    permission = RUN
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {
            name: request.GET[name][:255] for name in ("project", "ref") if request.GET.get(name)
        }
        form = StartForm(
            projects=startable(self.actor), initial={**initial, "once": uuid.uuid4().hex}
        )
        return self._show(request, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = StartForm(request.POST, projects=startable(self.actor))
        if form.is_valid():
            values = form.cleaned_data
            require(self.actor, RUN, keeper_scope(values["project"]))
            try:
                row = starting.start(
                    self.actor,
                    values["project"],
                    values["ref"],
                    source=Pipeline.Source.WEB,
                    variables=values["variables"],
                    key=values["once"],
                )
            except SlipwayError as error:
                form.take(error)
            else:
                return redirect(page_of(row))
        return self._show(request, form, status=422)

    def _show(self, request: HttpRequest, form: StartForm, status: int = 200) -> HttpResponse:
        context = {
            "page": Page(
                TITLE,
                [("Pipelines", reverse("pipelines:list"))],
                api="/api/v1/pipelines/",
                permission=RUN,
                nav="pipelines:list",
            ),
            "form": form,
            "back": reverse("pipelines:list"),
        }
        return render(request, "pipelines/start.html", context, status=status)
