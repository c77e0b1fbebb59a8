"""Merge requests on the page of a repository, and the start of a pipeline of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gitops.hosted import selectors as hosted
from gitops.models import HostedMergeRequest, HostedRepository
from idp.common.errors import Clash, Invalid
from pipelines.permissions import RUN
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Pipeline
from pipelines.runs.services import merging
from pipelines.runs.words import label_of, look_of
from portal.permissions import keeper_scope
from rbac.access import can, require
from rbac.actors import Actor
from rbac.views.mixins import AccessMixin

_SHOWN = 30


def of_repository(actor: Actor, row: HostedRepository) -> dict[str, Any]:
    """Open merge requests, each with its newest pipeline; two queries."""
    rows = hosted.requests(row).filter(state=HostedMergeRequest.State.OPEN)
    found = list(rows[:_SHOWN])
    newest: dict[int | None, Pipeline] = {}
    for pipeline in Pipeline.objects.filter(merge_request__in=found).order_by("pk"):
        newest[pipeline.merge_request_id] = pipeline
    return {
        "project": row.project.name,
        "may_run": can(actor, RUN, keeper_scope(row.project)),
        "rows": [_row(request, newest.get(request.pk)) for request in found],
    }


def _row(request: HostedMergeRequest, pipeline: Pipeline | None) -> dict[str, Any]:
    if pipeline is None:
        return {"request": request, "pipeline": None}
    return {
        "request": request,
        "pipeline": pipeline,
        "look": look_of(pipeline),
        "label": label_of(pipeline),
    }


class StartRequest(AccessMixin):
    """POST begins a pipeline of a merge request; of a fork's it is the only way."""

    permission = RUN

    def post(self, request: HttpRequest, project: str, number: int) -> HttpResponse:
        row = hosted.request(self.actor, project, number)
        require(self.actor, RUN, keeper_scope(row.repository.project))
        try:
            pipeline = merging.start(self.actor, row)
        except (Clash, Invalid) as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
            return redirect("gitops:repository", project=project)
        return redirect(page_of(pipeline))
