"""Merge requests on the page of a repository, and the start of a pipeline of one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Case, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gitops.hosted import selectors as hosted
from gitops.hosted.mirrors import of_project
from gitops.models import HostedMergeRequest
from gitops.review.addresses import page_of as own_page_of
from idp.common.errors import Clash, Invalid
from pipelines.permissions import RUN
from pipelines.reports import facts
from pipelines.runs import exposed, requests
from pipelines.runs.addresses import page_of
from pipelines.runs.models import Pipeline
from pipelines.runs.services import merging
from pipelines.runs.words import label_of, look_of
from portal.permissions import keeper_scope
from rbac.access import can, require
from rbac.actors import Actor
from rbac.models import Project
from rbac.views.mixins import AccessMixin

_SHOWN = 30
_FAILURES = 20
State = HostedMergeRequest.State


def of_repository(actor: Actor, project: Project) -> dict[str, Any]:
    """Merge requests at the host and in the own repository, each with its newest pipeline.

    Open ones first, then those that ended last; two queries.
    """
    rows = HostedMergeRequest.objects.filter(project=project)
    rows = rows.filter(Q(state=State.OPEN) | Q(repository=None))
    is_open = Case(When(state=State.OPEN, then=Value(0)), default=Value(1))
    rows = rows.select_related("repository", "project").order_by(is_open, "-pk")
    found = list(rows[:_SHOWN])
    newest: dict[int | None, Pipeline] = {}
    for pipeline in Pipeline.objects.filter(merge_request__in=found).order_by("pk"):
        newest[pipeline.merge_request_id] = pipeline
    connected = any(one.repository_id for one in found) or of_project(project) is not None
    return {
        "project": project.name,
        "may_run": can(actor, RUN, keeper_scope(project)),
        "rows": [_row(request, newest.get(request.pk), connected) for request in found],
    }


def _row(request: HostedMergeRequest, pipeline: Pipeline | None, connected: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"request": request, "pipeline": pipeline}
    found["may_run"] = request.state == State.OPEN and bool(request.repository) == connected
    found["page"] = "" if request.repository else own_page_of(request)
    if pipeline is not None:
        found |= {"look": look_of(pipeline), "label": label_of(pipeline)}
    return found


def of_request(actor: Actor, request: HostedMergeRequest) -> dict[str, Any]:
    """The newest pipeline of its head, and what reports say of that commit."""
    pipeline = requests.newest_of(request)
    runs = request.state == State.OPEN and of_project(request.project) is None
    found = {
        "request": request,
        "may_run": runs and can(actor, RUN, keeper_scope(request.project)),
        "pipeline": pipeline,
    }
    if pipeline is not None:
        known = facts.compare(pipeline.project, pipeline.sha, foreign=pipeline.foreign)
        found |= {
            "look": look_of(pipeline),
            "label": label_of(pipeline),
            "known": known,
            "failures": [*known.new_failures[:_FAILURES]],
            "against": requests.against_merging(request),
            "exposed": exposed.of_pipeline(actor, pipeline),
        }
    return found


class StartRequest(AccessMixin):
    """POST begins a pipeline of a merge request; of a fork's it is the only way."""

    permission = RUN

    def post(self, request: HttpRequest, project: str, number: int) -> HttpResponse:
        row = hosted.request(self.actor, project, number)
        require(self.actor, RUN, keeper_scope(row.project))
        try:
            pipeline = merging.start(self.actor, row)
        except (Clash, Invalid) as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
            if row.repository is None:
                return redirect(own_page_of(row))
            return redirect("gitops:repository", project=project)
        return redirect(page_of(pipeline))
