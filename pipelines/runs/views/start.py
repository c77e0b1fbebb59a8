"""“Start a pipeline”: project, branch or tag, what its file asks for, variables.

Refusals stand beside the fields. Which inputs there are follows from the project and branch: a form
that was made for others is shown anew with the fields of these before anything begins.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
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
from pipelines.engine.inputs import Input
from pipelines.permissions import RUN, VIEW
from pipelines.runs import asking, commits
from pipelines.runs.addresses import page_of
from pipelines.runs.commits import short
from pipelines.runs.models import Pipeline
from pipelines.runs.services import starting
from pipelines.runs.views import input_forms
from portal.forms import ServiceForm
from portal.permissions import keeper_scope
from rbac.access import can, require, visible
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

    def __init__(
        self,
        *args: Any,
        projects: QuerySet[Project],
        inputs: Mapping[str, Input] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]  # a model's choice
        self.inputs = {f"input_{at}": one for at, one in enumerate((inputs or {}).values())}
        self.fields |= {name: input_forms.field_of(one) for name, one in self.inputs.items()}

    def named(self, field: str) -> str:
        of, _, name = field.partition(".")
        if of == "inputs":
            return next((at for at, one in self.inputs.items() if one.name == name), field)
        return of

    @property
    def asked(self) -> list[forms.BoundField]:
        """The fields of the inputs, in the file's order."""
        return [self[name] for name in self.inputs]

    @property
    def given(self) -> dict[str, Any]:
        """What a valid form gives for inputs; those that are left to their default are not in."""
        found = {one.name: self.cleaned_data[at] for at, one in self.inputs.items()}
        return {
            one.name: found[one.name]
            for one in self.inputs.values()
            if not input_forms.left_out(one, found[one.name])
        }

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


def asked_for(request: HttpRequest) -> dict[str, str]:
    """The project and the branch or tag that an address names."""
    texts = {name: request.GET.get(name, "").replace("\0", "")[:255] for name in ("project", "ref")}
    return {name: text for name, text in texts.items() if text}


def inputs_of(actor: Actor, project: Project | None, ref: str) -> Mapping[str, Input]:
    """What the file at a branch or tag asks for, where the actor may start a pipeline."""
    if project is None or not can(actor, RUN, keeper_scope(project)):
        return {}
    try:
        return asking.inputs_of(commits.resolve(project, ref))
    except SlipwayError:
        return {}  # starting it says what is wrong


class StartPage(AccessMixin):
    permission = RUN
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = asked_for(request)
        name, ref = initial.get("project", ""), initial.get("ref", short(MAIN))
        initial |= {"once": uuid.uuid4().hex}
        return self._show(request, self._form(name, ref, initial=initial), read=f"{name}/{ref}")

    def post(self, request: HttpRequest) -> HttpResponse:
        name, ref = request.POST.get("project", ""), request.POST.get("ref", "").strip()
        form = self._form(name, ref, data=request.POST)
        read = request.POST.get("read", "")
        if request.POST.get("do") == "read" or (form.inputs and read != f"{name}/{ref}"):
            return self._show(request, self._anew(form), read=f"{name}/{ref}")
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
                    inputs=form.given,
                    key=values["once"],
                )
            except SlipwayError as error:
                form.take(error)
            else:
                return redirect(page_of(row))
        return self._show(request, form, status=422, read=read)

    def _form(self, name: str, ref: str, **given: Any) -> StartForm:
        projects = startable(self.actor)
        project = projects.filter(name=name.replace("\0", "")).first() if name else None
        inputs = inputs_of(self.actor, project, ref.replace("\0", ""))
        return StartForm(projects=projects, inputs=inputs, **given)

    def _anew(self, form: StartForm) -> StartForm:
        """The form with what was typed so far, and each input at its default."""
        initial = {name: form.data.get(name, "") for name in ("project", "ref", "variables")}
        return StartForm(
            projects=startable(self.actor),
            inputs={one.name: one for one in form.inputs.values()},
            initial={**initial, "once": uuid.uuid4().hex},
        )

    def _show(
        self, request: HttpRequest, form: StartForm, *, read: str, status: int = 200
    ) -> HttpResponse:
        context = {
            "page": Page(
                TITLE,
                [("Pipelines", reverse("pipelines:list"))],
                api="/api/v1/pipelines/",
                permission=RUN,
                nav="pipelines:list",
            ),
            "form": form,
            "read": read,
            "back": reverse("pipelines:list"),
        }
        return render(request, "pipelines/start.html", context, status=status)
