"""Pages of repositories at git hosts: the list, one with its webhook, and the connection's form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from gitops.hosted import selectors, services
from gitops.hosted.forms import ConnectForm
from gitops.hosted.models import HostedRepository
from gitops.hosted.services import CONNECT, READ
from gitops.judging import may_push
from gitops.repositories import address_of
from idp.common import host
from idp.common.errors import SlipwayError
from idp.common.host import Page
from rbac.access import can, require
from rbac.models import Project
from rbac.views import AccessMixin

_SHOWN = 20
_LIST = "gitops:repositories"
ENTITY = "repository"


class Repositories(AccessMixin):
    permission = READ

    def get(self, request: HttpRequest) -> HttpResponse:
        projects = selectors.projects(self.actor)
        hosted = {row.project_id: row for row in selectors.repositories(self.actor)}
        context = {
            "page": Page(
                "Repositories", api="/api/v1/hosted-repositories/", permission=self.permission
            ),
            "rows": [{"project": one, "hosted": hosted.get(one.pk)} for one in projects],
        }
        return render(request, "gitops/repositories.html", context)


def _page(title: str, project: str, permission: str, *, deeper: bool = False) -> Page:
    crumbs = [("Repositories", reverse(_LIST))]
    if deeper:
        crumbs.append((project, reverse("gitops:repository", args=[project])))
    return Page(
        title,
        crumbs,
        api=f"/api/v1/hosted-repositories/{project}/",
        permission=permission,
        nav=_LIST,
    )


class RepositoryPage(AccessMixin):
    """Where a project's code is, what came from there, and what is wrong with it."""

    permission = READ

    def get(self, request: HttpRequest, project: str) -> HttpResponse:
        found = selectors.project(self.actor, project)
        row = selectors.of_project(found)
        page = _page(found.name, found.name, self.permission)
        context: dict[str, Any] = {
            "page": page if row else replace(page, api=""),
            "project": found,
            "row": row,
            "clone": address_of(found),
            "may_connect": can(self.actor, CONNECT, found.scope),
            "parts": _parts(self, found),
            "may_open": may_push(self.actor, found),
        }
        if row is not None:
            context |= {
                "hook": services.hook_url(row),
                "deliveries": list(selectors.deliveries(row)[:_SHOWN]),
            }
        return render(request, "gitops/repository.html", context)


def _parts(view: AccessMixin, project: Project) -> list[dict[str, Any]]:
    """What upper apps show of a project's repositories."""
    return [
        {"tab": tab, "context": tab.context(view.actor, project)}
        for tab in host.entity_tabs.of(ENTITY)
        if not tab.permission or can(view.actor, tab.permission, project.scope)
    ]


class ConnectRepository(AccessMixin):
    permission = CONNECT

    def get(self, request: HttpRequest, project: str) -> HttpResponse:
        found, row = self._open(project)
        return self._show(request, found, row, ConnectForm(initial=ConnectForm.of(row)))

    def post(self, request: HttpRequest, project: str) -> HttpResponse:
        found, row = self._open(project)
        form = ConnectForm(request.POST)
        if form.is_valid():
            try:
                services.connect(self.actor, found, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, "Connected. Slipway fetches it now.")
                return redirect("gitops:repository", project=found.name)
        return self._show(request, found, row, form, status=422)

    def _open(self, project: str) -> tuple[Project, HostedRepository | None]:
        found = selectors.project(self.actor, project)
        require(self.actor, CONNECT, found.scope)
        return found, selectors.of_project(found)

    def _show(
        self,
        request: HttpRequest,
        found: Project,
        row: HostedRepository | None,
        form: ConnectForm,
        status: int = 200,
    ) -> HttpResponse:
        title = "Change the connection" if row else "Connect a repository"
        context = {
            "page": _page(title, found.name, self.permission, deeper=True),
            "project": found,
            "row": row,
            "form": form,
        }
        return render(request, "gitops/connect.html", context, status=status)


class ActOnRepository(AccessMixin):
    """POST tests the connection, sets up the webhook, looks again, or disconnects."""

    permission = CONNECT
    action = ""

    def post(self, request: HttpRequest, project: str) -> HttpResponse:
        row = selectors.repository(self.actor, project)
        require(self.actor, CONNECT, row.project.scope)
        try:
            self._act(request, row)
        except SlipwayError as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
        return redirect("gitops:repository", project=project)

    def _act(self, request: HttpRequest, row: HostedRepository) -> None:
        if self.action == "test":
            bad = sum(not one.ok for one in services.test(self.actor, row))
            if bad:
                messages.warning(request, f"{bad} of the checks failed. Each says what to do.")
            else:
                messages.success(request, f"{row.path} answers, and git reads it.")
        elif self.action == "hook":
            services.set_up_hook(self.actor, row)
            messages.success(request, "The host sends its webhooks to Slipway now.")
        elif self.action == "look":
            services.look_again(self.actor, row)
            messages.success(request, "Slipway looks at what moved there.")
        else:
            services.disconnect(self.actor, row)
            messages.success(request, "Disconnected. Pipelines that ran stay.")


ACTIONS = ("test", "hook", "look", "disconnect")
