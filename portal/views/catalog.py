"""The catalog's pages: list, export, component, and the forms that change it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common import host
from idp.common.errors import Refusal, SlipwayError
from idp.common.host import Page
from idp.common.spreadsheets import CHUNK, csv_response
from portal import front, services
from portal.catalog import import_document
from portal.forms import ComponentForm, ImportForm
from portal.models import Component
from portal.permissions import keeper_scope
from portal.selectors import (
    Filters,
    apis_consumed,
    apis_provided,
    component_get,
    component_list,
    facets,
)
from rbac.access import decide, held_anywhere, require
from rbac.views import AccessMixin

PAGE = 50
EXPORTED = (
    "name", "title", "type", "lifecycle", "owner", "project", "description", "source",
)  # fmt: skip
CATALOG = ("Catalog", "/catalog/")


def filters_of(request: HttpRequest) -> Filters:
    """The filters in the query string, cut to sane lengths."""
    names = ("q", "owner", "project", "type", "lifecycle")
    given = {name: request.GET.get(name, "").strip()[:100] for name in names}
    return Filters(**given, removed=request.GET.get("removed") == "1")


def _link(parameters: dict[str, str]) -> str:
    return f"{reverse('portal:catalog')}{'?' if parameters else ''}{urlencode(parameters)}"


def _chips(filters: Filters) -> list[dict[str, str]]:
    labels = {"q": "text", "removed": "gone from git"}
    return [
        {
            "label": labels.get(name, name),
            "value": "" if name == "removed" else value,
            "url": _link(filters.without(name)),
        }
        for name, value in filters.parameters.items()
    ]


class Catalog(AccessMixin):
    permission = "component.view"

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = filters_of(request)
        rows, previous, following = self._page(request, filters)
        allowed = held_anywhere(self.actor, self.permission)
        context = {
            "page": Page(
                "Catalog",
                api=f"/api/v1/components/?{urlencode(filters.parameters)}".rstrip("?"),
                permission=self.permission,
            ),
            "filters": filters,
            "chips": _chips(filters),
            "facets": facets(actor=self.actor),
            "lifecycles": Component.Lifecycle.values,
            "rows": front.rows(self.actor, rows),
            "columns": [column.title for column in host.component_columns],
            "previous": previous,
            "next": following,
            "export": f"{reverse('portal:catalog-export')}?{urlencode(filters.parameters)}",
            "can_add": held_anywhere(self.actor, "component.create"),
            "allowed": allowed,
        }
        return render(request, "portal/catalog.html", context)

    def _page(self, request: HttpRequest, filters: Filters) -> tuple[list[Component], str, str]:
        """One page of rows by name, and the addresses of the pages before and after it."""
        rows = component_list(actor=self.actor, filters=filters)
        after, before = request.GET.get("after", "")[:63], request.GET.get("before", "")[:63]
        if before:
            found = list(rows.filter(name__lt=before).order_by("-name")[: PAGE + 1])
            earlier, later = len(found) > PAGE, True
            found = found[:PAGE][::-1]
        else:
            found = list(rows.filter(name__gt=after)[: PAGE + 1] if after else rows[: PAGE + 1])
            earlier, later = bool(after), len(found) > PAGE
            found = found[:PAGE]
        link = filters.parameters
        return (
            found,
            _link({**link, "before": found[0].name}) if found and earlier else "",
            _link({**link, "after": found[-1].name}) if found and later else "",
        )


class Export(AccessMixin):
    """Exactly the filtered list as CSV."""

    permission = "component.view"

    def get(self, request: HttpRequest) -> StreamingHttpResponse:
        rows = component_list(actor=self.actor, filters=filters_of(request))
        values = (self._values(row) for row in rows.iterator(chunk_size=CHUNK))
        return csv_response("catalog.csv", EXPORTED, values)

    @staticmethod
    def _values(row: Component) -> list[str]:
        named = [row.name, row.title, row.type, row.lifecycle, row.owner.name, row.project.name]
        return [*named, row.description, row.source_location or row.source]


class ComponentPage(AccessMixin):
    permission = "component.view"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        component = component_get(actor=self.actor, name=name)
        tabs = [
            tab
            for tab in host.entity_tabs.of("component")
            if not tab.permission or held_anywhere(self.actor, tab.permission)
        ]
        chosen = next((tab for tab in tabs if tab.name == request.GET.get("tab")), None)
        keepers = keeper_scope(component.project)
        context: dict[str, Any] = {
            "page": Page(
                component.name,
                [CATALOG],
                api=f"/api/v1/components/{component.name}/",
                owner=f"team {component.owner.name}",
                permission=self.permission,
            ),
            "component": component,
            "tabs": self._tabs(component, tabs, chosen),
            "chosen": chosen,
            "edit": decide(self.actor, "component.edit", keepers),
            "delete": decide(self.actor, "component.delete", keepers),
            "from_git": component.source == Component.Source.GIT,
        }
        if chosen is None:
            context["provides"] = apis_provided(actor=self.actor, component=component)
            context["consumes"] = apis_consumed(actor=self.actor, component=component)
        else:
            context["tab"] = chosen.context(self.actor, component)
        return render(request, "portal/component.html", context)

    def _tabs(
        self, component: Component, tabs: list[host.Tab], chosen: host.Tab | None
    ) -> list[dict[str, Any]]:
        here = reverse("portal:component", args=[component.name])
        about = {"label": "About", "url": here, "current": chosen is None, "count": None}
        others = [
            {
                "label": tab.title,
                "url": f"{here}?tab={tab.name}",
                "current": tab is chosen,
                "count": None,
            }
            for tab in tabs
        ]
        return [about, *others]


class NewComponent(AccessMixin):
    permission = "component.create"
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        initial = {"project": request.GET.get("project", "")[:40]}
        return self._show(request, ComponentForm(actor=self.actor, initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ComponentForm(request.POST, actor=self.actor)
        if form.is_valid():
            try:
                component = services.create_component(self.actor, **form.values)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{component.name} is in the catalog.")
                return redirect("portal:component", name=component.name)
        return self._show(request, form, status=422)

    def _show(self, request: HttpRequest, form: ComponentForm, status: int = 200) -> HttpResponse:
        page = Page(
            "Add a component",
            [CATALOG],
            api="/api/v1/components/",
            permission=self.permission,
            nav="portal:catalog",
        )
        context = {"page": page, "form": form, "component": None}
        return render(request, "portal/component_form.html", context, status=status)


class EditComponent(AccessMixin):
    permission = "component.edit"

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        component = self._component(name)
        fields = {field: getattr(component, field) for field in services.FIELDS}
        initial = fields | {"owner": component.owner.name, "version": component.version}
        form = ComponentForm(actor=self.actor, component=component, initial=initial)
        return self._show(request, component, form)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        component = self._component(name)
        form = ComponentForm(request.POST, actor=self.actor, component=component)
        if form.is_valid():
            expected = form.cleaned_data["version"]
            try:
                services.update_component(self.actor, component, expected=expected, **form.values)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{component.name} is changed.")
                return redirect("portal:component", name=component.name)
        return self._show(request, component, form, status=422)

    def _component(self, name: str) -> Component:
        component = component_get(actor=self.actor, name=name)
        require(self.actor, self.permission, keeper_scope(component.project))
        if component.source == Component.Source.GIT:
            raise Refusal(
                f"{component.name} is read from {component.source_location}.",
                fix=f"Change {component.source_location} and push it.",
            )
        return component

    def _show(
        self, request: HttpRequest, component: Component, form: ComponentForm, status: int = 200
    ) -> HttpResponse:
        here = reverse("portal:component", args=[component.name])
        page = Page(
            f"Edit {component.name}",
            [CATALOG, (component.name, here)],
            api=f"/api/v1/components/{component.name}/",
            owner=f"team {component.owner.name}",
            permission=self.permission,
        )
        context = {"page": page, "form": form, "component": component}
        return render(request, "portal/component_form.html", context, status=status)


class DeleteComponent(AccessMixin):
    permission = "component.delete"

    def post(self, request: HttpRequest, name: str) -> HttpResponseRedirect:
        component = component_get(actor=self.actor, name=name)
        services.delete_component(self.actor, component)
        messages.success(request, f"{name} is no longer in the catalog; what runs stays.")
        return redirect("portal:catalog")


class ImportCatalog(AccessMixin):
    permission = "component.create"
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(request, ImportForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = ImportForm(request.POST, request.FILES, actor=self.actor)
        if not form.is_valid():
            return self._show(request, form, status=422)
        project = form.cleaned_data["project"]
        try:
            done = import_document(self.actor, project, form.source, form.place)
        except SlipwayError as error:
            form.take(error)
            return self._show(request, form, error=error, status=422)
        return self._show(request, ImportForm(actor=self.actor), done=done)

    def _show(
        self, request: HttpRequest, form: ImportForm, status: int = 200, **more: Any
    ) -> HttpResponse:
        page = Page(
            "Import components",
            [CATALOG],
            api="/api/v1/catalog/import/",
            permission=self.permission,
        )
        context = {"page": page, "form": form, **more}
        return render(request, "portal/import.html", context, status=status)
