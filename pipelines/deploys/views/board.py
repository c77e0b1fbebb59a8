"""The promotion board of a project."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from idp.common.host import Page
from pipelines.deploys import board
from pipelines.permissions import VIEW
from pipelines.runs import selectors
from pipelines.runs.services.telling import TOPIC
from rbac.access import get_visible
from rbac.models import Project
from rbac.views.mixins import AccessMixin

TITLE = "Promotions"


class BoardPage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        names = selectors.projects(self.actor)
        asked = request.GET.get("project", "")
        context: dict[str, Any] = {
            "page": Page(
                TITLE,
                api=f"/api/v1/deployments/{f'?project={asked}' if asked in names else ''}",
                permission=VIEW,
                topics=[TOPIC, "environments"],
            ),
            "projects": names,
        }
        if asked or names:
            rows = Project.objects.select_related("scope", "team")
            name = (asked or names[0])[:63].replace("\0", "")
            project = get_visible(self.actor, VIEW, rows, name=name)
            context |= {"project": project, "board": board.board(self.actor, project)}
        return render(request, "pipelines/deploys/board.html", context)
