"""The list of pipelines: filters in the address, keyset paging, live."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from gitops.repositories import clone_address
from gitops.selectors import repositories_of
from idp.common.host import Page
from idp.common.narrowing import chips, pages, query
from pipelines.permissions import MANAGE, RUN, VIEW
from pipelines.runs import selectors
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Pipeline
from pipelines.runs.selectors import Filters
from pipelines.runs.services.telling import TOPIC
from pipelines.runs.words import label_of, lasted, look, look_of
from rbac.access import held_anywhere
from rbac.actors import Actor
from rbac.views.mixins import AccessMixin

NEW = {
    "text": "A push of a commit with a .gitlab-ci.yml starts one, and shows it here.",
    "title": "No pipelines yet",
}


class PipelineList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        found = selectors.part(
            selectors.pipelines(self.actor, filters),
            before=request.GET.get("before", ""),
            after=request.GET.get("after", ""),
        )
        given = filters.given
        allowed = bool(found.rows) or held_anywhere(self.actor, VIEW)
        context = {
            "page": Page(
                "Pipelines",
                api=f"/api/v1/pipelines/{query(given)}",
                permission=VIEW,
                topics=[TOPIC],
            ),
            "filters": filters,
            "chips": _chips(filters),
            "views": _views(self.actor, filters),
            "projects": selectors.projects(self.actor),
            "statuses": Pipeline.Status.choices,
            "sources": Pipeline.Source.choices,
            "rows": shown(found.rows),
            **pages(given, earlier=found.earlier, later=found.later),
            "allowed": allowed,
            "may_start": held_anywhere(self.actor, RUN),
            "may_manage": held_anywhere(self.actor, MANAGE),
            "clones": [] if found.rows or given else clones(self.actor),
        }
        return render(request, "pipelines/list.html", context)


def shown(rows: list[Pipeline]) -> list[dict[str, Any]]:
    """Pipelines as the rows of a table show them."""
    stages = selectors.stages(rows)
    return [
        {
            "pipeline": row,
            "url": page_of(row),
            "look": look_of(row),
            "label": label_of(row),
            "lasted": lasted(row.seconds),
            "child": row.source == Pipeline.Source.PARENT,
            "stages": [
                {"text": one.text, "look": look(one.status)} for one in stages.get(row.pk, ())
            ],
        }
        for row in rows
    ]


def clones(actor: Actor) -> list[str]:
    """Where the actor may push a first pipeline."""
    return [clone_address(repo) for repo in repositories_of(actor)[:3]]


def _views(actor: Actor, filters: Filters) -> list[dict[str, Any]]:
    path, name = reverse("pipelines:list"), actor.user.username if actor.user else ""
    views = [
        ("All", {}),
        ("Mine", {"actor": name}),
        ("Running", {"status": "running"}),
        ("Failed", {"status": "failed"}),
        ("Held", {"status": "manual"}),
        ("Children", {"source": str(Pipeline.Source.PARENT)}),
    ]
    return [
        {"label": label, "url": path + query(given), "current": filters.given == given}
        for label, given in views
    ]


def _chips(filters: Filters) -> list[dict[str, str]]:
    labels = {"ref": "branch or tag", "actor": "by"}
    words = {
        "status": {value: str(label) for value, label in Pipeline.Status.choices},
        "source": {value: str(label) for value, label in Pipeline.Source.choices},
    }
    return chips(filters.given, reverse("pipelines:list"), labels, words)
