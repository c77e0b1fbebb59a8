"""The page of one pipeline: its graph, its jobs and what they wait for, and what can be done."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import Clash, SlipwayError
from idp.common.host import Page
from idp.common.idempotency import MAX_KEY
from pipelines.downstream import selectors as downstream
from pipelines.permissions import RUN, VIEW
from pipelines.reports.red import red
from pipelines.runs import exposed, graph, selectors, waiting
from pipelines.runs.addresses import api_of, page_of
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services import acting, again
from pipelines.runs.services.telling import row_of
from pipelines.runs.words import label_of, lasted, look_of
from portal.permissions import keeper_scope
from rbac.access import decide, require
from rbac.actors import Actor
from rbac.views.mixins import AccessMixin

MAX_ROWS = 500  # jobs of one page; the others by their status
_BROKEN = ("failed", "canceled")
_PLAYABLE = ("manual", "scheduled")


class PipelinePage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.pipeline(self.actor, pk)
        jobs = list(selectors.jobs(row))
        before = waiting.Before(jobs)
        critical = waiting.critical(jobs, before)
        below = downstream.newest(downstream.below(self.actor, jobs, row.project_id))
        decision = decide(self.actor, RUN, keeper_scope(row.project))
        wanted = request.GET.get("status", "")
        listed = [job for job in jobs if not wanted or job.status == wanted]
        context = {
            "page": page(row),
            "pipeline": row,
            "row_name": row_of(row.pk),
            "look": look_of(row),
            "label": label_of(row),
            "lasted": lasted(row.seconds),
            "graph": graph.drawn(jobs, critical, below),
            "below": below,
            "above": downstream.above(self.actor, row),
            "wide": graph,
            "too_many": len(jobs) > graph.MAX_JOBS,
            "red": red(row.project, row.sha, foreign=row.foreign),
            "exposed": exposed.of_pipeline(self.actor, row),
            "count": len(jobs),
            "counts": _counts(jobs, wanted),
            "jobs": _shown(listed[:MAX_ROWS], before, critical),
            "more": max(len(listed) - MAX_ROWS, 0),
            "path": _path(jobs, critical),
            "left_out": sorted(row.left_out.items())[:MAX_ROWS],
            "may_run": decision.allowed,
            "why_not": "" if decision.allowed else f"needs {RUN}",
            "broken": sum(job.status in _BROKEN and not job.allowed for job in jobs),
            "active": not row.ended,
            "repeatable": not again.elsewhere(row),
            "once": uuid.uuid4().hex,
            "ended_badly": row.status in {"failed", "canceled", "skipped"},
        }
        return render(request, "pipelines/pipeline.html", context)


def page(row: Pipeline) -> Page:
    return Page(
        f"Pipeline #{row.number}",
        [
            ("Pipelines", reverse("pipelines:list")),
            (row.project.name, f"{reverse('pipelines:list')}?project={row.project.name}"),
        ],
        api=api_of(row),
        owner=f"team {row.project.team.name}",
        permission=VIEW,
        nav="pipelines:list",
    )


def _counts(jobs: Sequence[Job], wanted: str) -> list[dict[str, Any]]:
    """Links that narrow the list of jobs by status; none where all have the same."""
    found: dict[str, int] = {}
    for job in jobs:
        found[job.status] = found.get(job.status, 0) + 1
    if len(found) <= 1:
        return []
    labels = dict(Job.Status.choices)
    every = [{"label": "All jobs", "url": "?", "count": len(jobs), "current": not wanted}]
    return every + [
        {
            "label": labels[status],
            "url": f"?status={status}",
            "count": count,
            "current": status == wanted,
        }
        for status, count in sorted(found.items(), key=lambda one: -one[1])
    ]


def _shown(
    jobs: Sequence[Job], before: waiting.Before, critical: frozenset[str]
) -> list[dict[str, Any]]:
    return [
        {
            "job": job,
            "url": page_of(job),
            "look": look_of(job),
            "label": label_of(job),
            "lasted": lasted(job.seconds),
            "waits": waiting.words(job, before),
            "needs": _needs(job, before.first_stage),
            "critical": job.name in critical,
            "playable": job.status in _PLAYABLE,
        }
        for job in jobs
    ]


def _needs(job: Job, first_stage: int) -> str:
    if job.needs is None:
        return "all earlier stages" if job.stage_at > first_stage else ""
    shown = ", ".join(job.needs[: waiting.NAMED])
    more = len(job.needs) - waiting.NAMED
    return f"{shown} and {more} more" if more > 0 else shown or "nothing"


def _path(jobs: Sequence[Job], critical: frozenset[str]) -> list[Job]:
    """The critical path in the order of time."""
    found = [job for job in jobs if job.name in critical]
    return sorted(found, key=lambda job: job.started_at.timestamp() if job.started_at else 0.0)


# -- what can be done --------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """Something that a button does to a pipeline or job."""

    service: Callable[[Actor, int], Any]
    done: str


OF_PIPELINES = {
    "cancel": Action(acting.cancel, "It is cancelled; what runs is asked to end."),
    "retry": Action(acting.retry_failed, "The failed and cancelled jobs run again."),
}
OF_JOBS = {
    "play": Action(acting.play, "“{job}” is started."),
    "retry": Action(acting.retry, "“{job}” runs again."),
    "cancel": Action(acting.cancel_job, "“{job}” is cancelled."),
}


class ActOnPipeline(AccessMixin):
    """POST of a button; where it no longer fits, the page says so."""

    permission = RUN
    action = "cancel"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.pipeline(self.actor, pk)
        require(self.actor, RUN, keeper_scope(row.project))
        _do(request, self.actor, OF_PIPELINES[self.action], row)
        return redirect(page_of(row))


class RunAgain(AccessMixin):
    """The whole pipeline once more, as a new one; leads to it."""

    permission = RUN

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.pipeline(self.actor, pk)
        require(self.actor, RUN, keeper_scope(row.project))
        configuration = request.POST.get("configuration", "")
        key = request.POST.get("once", "").replace("\0", "")[:MAX_KEY]
        try:
            made = again.again(self.actor, row, configuration, key=key)
        except SlipwayError as error:
            messages.error(request, f"{error.message} {error.fix}".strip())
            return redirect(page_of(row))
        messages.success(request, f"#{made.number} begins.")
        return redirect(page_of(made))


class ActOnJob(AccessMixin):
    """The same for one job; `back` leads to the pipeline's page again."""

    permission = RUN
    action = "retry"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.job(self.actor, pk)
        require(self.actor, RUN, keeper_scope(row.pipeline.project))
        _do(request, self.actor, OF_JOBS[self.action], row)
        return redirect(page_of(row.pipeline if request.POST.get("back") else row))


def _do(request: HttpRequest, actor: Actor, action: Action, row: Pipeline | Job) -> None:
    try:
        action.service(actor, row.pk)
    except Clash as error:
        messages.error(request, f"{error.message} {error.fix}".strip())
        return
    name = row.name if isinstance(row, Job) else ""
    messages.success(request, action.done.format(job=name))
