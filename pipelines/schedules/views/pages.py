"""The list of schedules, and one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from idp.common.host import Page
from idp.common.narrowing import chips, query
from pipelines.permissions import RUN, VIEW
from pipelines.runs.addresses import page_of
from pipelines.runs.selectors import projects
from pipelines.runs.services.telling import TOPIC
from pipelines.runs.views.lists import shown as shown_pipelines
from pipelines.runs.words import label_of, look_of
from pipelines.schedules import cron as crons
from pipelines.schedules import selectors
from pipelines.schedules.models import Schedule
from pipelines.schedules.selectors import Filters
from pipelines.schedules.views.words import clock
from portal.permissions import keeper_scope
from rbac.access import can, held_anywhere
from rbac.views.mixins import AccessMixin

MOST = 200
LIST = "pipelines:schedules"
API = "/api/v1/pipeline-schedules/"


def shown(row: Schedule) -> dict[str, Any]:
    """A schedule as the row of a table shows it."""
    last = row.last_pipeline
    due = row.next_run_at
    return {
        "schedule": row,
        "url": reverse("pipelines:schedule", args=[row.pk]),
        "words": crons.words(row.cron),
        "next": clock(due.astimezone(ZoneInfo(row.timezone))) if due else "",
        "last": {"url": page_of(last), "look": look_of(last), "label": label_of(last)}
        if last
        else None,
        "problem": selectors.trouble(row),
    }


class ScheduleList(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        filters = Filters.read(request.GET.dict())
        rows = list(
            selectors.schedules(self.actor, filters).order_by("-active", "next_run_at")[:MOST]
        )
        context = {
            "page": Page(
                "Schedules", api=API + query(filters.given), permission=VIEW, nav=LIST,
                topics=[TOPIC],
            ),
            "rows": [shown(row) for row in rows],
            "filters": filters,
            "chips": chips(filters.given, reverse(LIST)),
            "projects": projects(self.actor),
            "most": MOST if len(rows) == MOST else 0,
            "allowed": bool(rows) or held_anywhere(self.actor, VIEW),
            "may_add": held_anywhere(self.actor, RUN),
            "new": reverse("pipelines:schedule-new") + query(_only_project(filters)),
        }  # fmt: skip
        return render(request, "pipelines/schedules/list.html", context)


def _only_project(filters: Filters) -> dict[str, str]:
    return {"project": filters.project} if filters.project else {}


class SchedulePage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = selectors.schedule(self.actor, pk)
        last = list(selectors.pipelines(self.actor, row))
        context = {
            **shown(row),
            "page": page(row.description, f"{API}{pk}/", topics=[TOPIC]),
            "may_run": can(self.actor, RUN, keeper_scope(row.project)),
            "may_edit": selectors.edits(self.actor, row),
            "owned": selectors.owns(self.actor, row),
            "times": times(row),
            "names": sorted(row.given),
            "pipelines": shown_pipelines(last),
            "losing": _losing(row),
        }
        return render(request, "pipelines/schedules/schedule.html", context)


def page(
    title: str,
    api: str,
    permission: str = VIEW,
    above: Schedule | None = None,
    topics: Sequence[str] = (),
) -> Page:
    """The frame of a page about schedules."""
    crumbs = [("Pipelines", reverse("pipelines:list")), ("Schedules", reverse(LIST))]
    if above is not None:
        crumbs.append((above.description, reverse("pipelines:schedule", args=[above.pk])))
    return Page(title, crumbs, api=api, permission=permission, nav=LIST, topics=topics)


def times(row: Schedule) -> list[dict[str, Any]]:
    """The next times of a schedule, as if it were on."""
    found = crons.coming(row.cron, row.timezone, timezone.now())
    return [{"at": moment, "clock": clock(moment)} for moment in found]


def _losing(row: Schedule) -> str:
    """What is lost when it is deleted."""
    count = len(row.given)
    values = f"Its {count} variable{'s' if count != 1 else ''} and their values are lost. "
    return (
        f"Nothing begins by it from then on. {values if count else ''}Pipelines that it began stay."
        " To have it rest, switch it off instead."
    )
