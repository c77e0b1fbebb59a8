"""The page of one job: why it ran, its attempts, what it left, and its log."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from pipelines.deploys.selectors import brought_by
from pipelines.downstream import selectors as downstream
from pipelines.environs.selectors import of_job
from pipelines.permissions import RUN, VIEW
from pipelines.reports.red import red
from pipelines.runs import executors, logview, selectors, waiting
from pipelines.runs.addresses import api_of, page_of
from pipelines.runs.models import Attempt, Job
from pipelines.runs.services.telling import TOPIC, row_of
from pipelines.runs.words import label_of, lasted, look, look_of
from portal.permissions import keeper_scope
from rbac.access import decide
from rbac.views.mixins import AccessMixin

_DIGITS = 9


class JobPage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row = selectors.job(self.actor, pk)
        one = selectors.attempt(row, number(request, "attempt"))
        q = request.GET.get("q", "").replace("\0", "")[: logview.MAX_QUERY]
        decision = decide(self.actor, RUN, keeper_scope(row.pipeline.project))
        tries = selectors.attempts(row)
        context = {
            "page": page(row),
            "job": row,
            "pipeline": row.pipeline,
            "row_name": row_of(row.pipeline_id),
            "topic": TOPIC,
            "look": look_of(row),
            "label": label_of(row),
            "lasted": lasted(row.seconds),
            "waits": self._waits(row),
            "stuck": row.status == Job.Status.PENDING and executors.is_stuck(row.reason),
            "red": red(
                row.pipeline.project, row.pipeline.sha, row.name, foreign=row.pipeline.foreign
            ),
            "below": downstream.below(self.actor, [row], row.pipeline.project_id),
            "brought": brought_by(self.actor, row) if row.environment else [],
            "brought_to": of_job(row),
            "attempt": one,
            "attempts": [_tried(row, each, one) for each in tries],
            "newer": bool(one and tries and tries[0].number > one.number),
            "artifacts": selectors.artifacts(one),
            "may_run": decision.allowed,
            "why_not": "" if decision.allowed else f"needs {RUN}",
            "may_retry": row.status in {"success", "failed", "canceled"},
            "may_play": row.status in {"manual", "scheduled"},
            "may_cancel": row.status not in {"success", "failed", "canceled", "skipped"},
            "q": q,
            **_log(request, one, q),
        }
        return render(request, "pipelines/job.html", context)

    @staticmethod
    def _waits(row: Job) -> str:
        if row.status in Attempt.ENDED or row.status == Job.Status.RUNNING:
            return ""
        jobs = list(selectors.jobs(row.pipeline))
        return waiting.words(row, waiting.Before(jobs))


def page(row: Job) -> Page:
    line = row.pipeline
    return Page(
        row.name,
        [
            ("Pipelines", reverse("pipelines:list")),
            (str(line), page_of(line)),
        ],
        api=api_of(row),
        owner=f"team {line.project.team.name}",
        permission=VIEW,
        nav="pipelines:list",
    )


def number(request: HttpRequest, name: str) -> int | None:
    """A number of the address; what is none counts as not given."""
    text = request.GET.get(name, "")
    fits = text.isascii() and text.isdecimal() and len(text) <= _DIGITS
    return int(text) if fits else None


def _tried(row: Job, each: Attempt, shown: Attempt | None) -> dict[str, Any]:
    began, ended = each.started_at, each.finished_at
    return {
        "attempt": each,
        "look": look(each.status),
        "url": f"{page_of(row)}?attempt={each.number}",
        "current": shown is not None and each.pk == shown.pk,
        "lasted": lasted((ended - began).total_seconds()) if began and ended else "",
    }


def _log(request: HttpRequest, one: Attempt | None, q: str) -> dict[str, Any]:
    if one is None:
        return {"log": None}
    found = logview.view(one, part=number(request, "part"), line=number(request, "line") or 0, q=q)
    given = {"attempt": str(one.number)}
    ended = one.status in Attempt.ENDED

    def part(at: int) -> str:
        return f"?{urlencode({**given, 'part': at})}#log" if 0 <= at < found.parts else ""

    return {
        "log": found,
        "position": f"{found.offset}:{found.screen.mark}",
        "ended": ended,
        "earlier": part(found.part - 1),
        "later": part(found.part + 1),
        "live": not ended and not q and found.part == found.parts - 1,
        "raw": f"{api_of(one.job)}log/?attempt={one.number}",
    }


class LogPage(AccessMixin):
    """Nothing but the raw text of a log, for saving."""

    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.job(self.actor, pk)
        one = selectors.attempt(row, number(request, "attempt"))
        data = b"" if one is None else logview.whole(one)[0]
        answer = HttpResponse(data, content_type="text/plain; charset=utf-8")
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Content-Disposition"] = f'attachment; filename="job-{row.pk}.log"'
        return answer
