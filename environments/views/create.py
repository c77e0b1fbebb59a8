"""Creating an environment: choose a blueprint, fill in its form, then read the plan."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from environments import asking, selectors
from environments.component_forms import CreateWithComponents
from environments.forms import CreateForm
from environments.models import BlueprintVersion
from environments.rendering.renderer import compiled, find_version
from gitops.models import Cluster
from idp.changes.models import Change
from idp.common.errors import Clash, Forbidden, Invalid, NotVisible, Refusal
from idp.common.host import Page
from portal.selectors import component_list
from rbac.views.mixins import AccessMixin

MAX_COMPONENTS = 1000
TITLE = "New environment"
_CRUMBS = [("Environments", "/environments/")]


class CreateView(AccessMixin):
    """GET chooses a blueprint or shows its form; POST asks for the environment."""

    permission = "environment.create"
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        reference = request.GET.get("blueprint", "")
        if not reference:
            return self._choose(request)
        form = self._form(_version(reference), initial=_initial(request))
        return self._show(request, form)

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self._form(_version(request.GET.get("blueprint", "")), data=request.POST)
        if form.is_valid():
            try:
                change = asking.create(
                    self.actor,
                    form.wanted(),
                    origin=Change.Origin.PAGE,
                    key=request.POST.get("once", "")[:80],
                )
            except (Invalid, Refusal, Clash, Forbidden) as error:
                form.take(error)
            else:
                return redirect("changes:plan", change.pk)
        return self._show(request, form, status=422)

    def _form(self, version: BlueprintVersion, **kwargs: Any) -> CreateForm:
        return CreateWithComponents(
            version=version,
            template=compiled(version.template),
            projects=selectors.creatable(self.actor),
            clusters=selectors.clusters(),
            accounts=selectors.accounts(),
            components=component_list(actor=self.actor)[:MAX_COMPONENTS],
            **kwargs,
        )

    def _choose(self, request: HttpRequest) -> HttpResponse:
        context = {
            "page": Page(TITLE, _CRUMBS, api="/api/v1/blueprints/"),
            "versions": selectors.blueprint_versions(),
            "clusters": selectors.clusters(),
            "project": request.GET.get("project", ""),
        }
        return render(request, "environments/choose.html", context)

    def _show(self, request: HttpRequest, form: CreateForm, status: int = 200) -> HttpResponse:
        version = form.version
        api = f"/api/v1/blueprints/{version.blueprint.name}/{version.version}/schema/"
        context = {
            "page": Page(TITLE, _CRUMBS, api=api, permission=self.permission),
            "form": form,
            "version": version,
            "preview": preview(form),
            "once": request.POST.get("once") or uuid.uuid4().hex,
        }
        return render(request, "environments/create.html", context, status=status)


class PreviewView(CreateView):
    """The column “What you will get” for the form's current values; nothing is stored."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self._form(_version(request.GET.get("blueprint", "")), data=request.GET)
        return render(request, "environments/parts/preview.html", {"preview": preview(form)})


def _version(reference: str) -> BlueprintVersion:
    """The published version that the address names; 404 for one that is not there."""
    name, _, version = reference.partition("@")
    try:
        return find_version(name, version)
    except Invalid as error:
        raise NotVisible(error.message, fix=error.fix) from error


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the address already says: a project, a tier, the first cluster."""
    found = {"tier": "preview", "account": ""}
    accounts = selectors.accounts()
    if accounts:
        found["account"] = accounts[0].name
    for key in ("project", "tier", "name"):
        if request.GET.get(key):
            found[key] = request.GET[key][:60]
    return found


def preview(form: CreateForm) -> dict[str, Any]:
    """What the values so far come to; unknown parts are shown as such."""

    def value(name: str) -> str:
        bound = form[name].value() if name in form.fields else ""
        return str(bound or "")

    project = value("project") or (form.places[0][0].name if form.places else "project")
    name = value("name") or "name"
    cluster = Cluster.objects.filter(name=value("cluster"), active=True).first()
    cluster = cluster or next(iter(selectors.clusters()), None)
    public = "parameters.public" in form.fields and bool(form["parameters.public"].value())
    return {
        "name": f"{project} / {name}",
        "address": f"{name}.{project}.{cluster.domain}" if cluster and public else "",
        "namespace": f"{project}-{name}-…",
        "tier": value("tier"),
        "cluster": cluster,
        "expires": value("expires_at"),
        "blueprint": str(form.version),
        "back": reverse("environments:new"),
    }
