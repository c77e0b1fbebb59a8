"""Pages: the list of changes, a live change, its plan, and what people do with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.generic import TemplateView, View

from idp.changes import presentation, selectors, services
from idp.changes.filters import ChangeFilter
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common.addresses import whole
from idp.common.errors import Clash, Invalid, PreconditionFailed, Refusal, SlipwayError
from idp.common.host import Page
from idp.common.spreadsheets import CHUNK, csv_response
from rbac.access import can
from rbac.actors import Actor
from rbac.models import Scope
from rbac.views import AccessMixin

PAGE_SIZE = 50
EXPORTED = (
    "id", "state", "title", "place", "verb", "actor", "origin", "reason", "message", "created_at",
    "started_at", "finished_at",
)  # fmt: skip
MAX_LOG = 1_000
MAX_CHOSEN = 200  # boxes of a form
TELLABLE = (Clash, Invalid, PreconditionFailed, Refusal)  # said on the page that was left


def place_crumbs(change: Change) -> list[tuple[str, str]]:
    """The change's place and the list that shows its changes."""
    scope, listing = change.scope, reverse("changes:list")
    crumbs = [("Changes", listing)]
    if scope.kind == Scope.Kind.EVERYTHING:
        return crumbs
    project = scope.name if scope.project_scope is None else scope.project_scope.name
    crumbs.insert(0, (project, f"{listing}?project={project}"))
    if scope.kind == Scope.Kind.ENVIRONMENT:
        crumbs.insert(1, (scope.name, f"{listing}?project={project}&environment={scope.name}"))
    return crumbs


class ChangeListPage(AccessMixin, View):
    permission = "change.view"

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if request.GET.get("format") != "csv":
            return render(request, "changes/list.html", self._context())
        rows = (_exported(change) for change in self._chosen().qs.iterator(chunk_size=CHUNK))
        return csv_response("changes.csv", EXPORTED, rows)

    def _chosen(self) -> ChangeFilter:
        """The filter; its `qs` holds nothing where the filter cannot be understood."""
        chosen = ChangeFilter(self.request.GET, queryset=selectors.change_list(self.actor))
        if not chosen.is_valid():
            chosen.queryset = chosen.queryset.none()
        return chosen

    def _context(self) -> dict[str, Any]:
        query = self.request.GET
        chosen = self._chosen()
        found, older, newer = self._window(chosen.qs, query)
        return {
            "page": Page(
                "Changes", api="/api/v1/changes/", permission="change.view", topics=["changes"]
            ),
            "rows": [(change, presentation.look(change)) for change in found],
            "filter": chosen,
            "states": Change.State.choices,
            "chips": _chips(query),
            "next": older,
            "previous": newer,
            "export": _with(query, "format", "csv"),
        }

    def _window(self, rows: QuerySet[Change], query: QueryDict) -> tuple[list[Change], str, str]:
        """One page by keyset: rows, address of the older page, address of the newer page."""
        before, after = _digits(query.get("before")), _digits(query.get("after"))
        if after is not None:
            found = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
            more_new, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE][::-1]
            more_old = True
        else:
            if before is not None:
                rows = rows.filter(pk__lt=before)
            found = list(rows[: PAGE_SIZE + 1])
            more_old, more_new = len(found) > PAGE_SIZE, before is not None
            found = found[:PAGE_SIZE]
        if not found:
            return [], "", ""
        older = _with(query, "before", found[-1].pk) if more_old else ""
        newer = _with(query, "after", found[0].pk) if more_new else ""
        return found, older, newer


def _exported(change: Change) -> list[object]:
    moments = (change.created_at, change.started_at, change.finished_at)
    return [
        change.pk, change.state, change.title, change.scope.label, change.verb,
        change.actor_label, change.origin, change.reason, change.message,
        *(moment.isoformat() if moment else "" for moment in moments),
    ]  # fmt: skip


def _digits(text: str | None) -> int | None:
    short = text is not None and len(text) < 19  # noqa: PLR2004 - 64 bits
    return int(text) if text and short and text.isascii() and text.isdigit() else None


def _without(query: QueryDict, *names: str) -> QueryDict:
    kept = query.copy()
    for name in names:
        kept.pop(name, None)
    return kept


def _with(query: QueryDict, name: str, value: object) -> str:
    kept = _without(query, "before", "after")
    kept[name] = str(value)
    return f"?{kept.urlencode()}"


def _chips(query: QueryDict) -> list[dict[str, str]]:
    """The filters in force, each with the address of the list without it."""
    chips = []
    for name in ChangeFilter.base_filters:
        for value in query.getlist(name):
            if not value:
                continue
            kept = _without(query, "before", "after")
            kept.setlist(name, [v for v in query.getlist(name) if v != value])
            chips.append({"label": name, "value": value[:60], "url": f"?{kept.urlencode()}"})
    return chips


class ChangePage(AccessMixin, TemplateView):
    """The live change: phases, steps, log."""

    permission = "change.view"
    template_name = "changes/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        change = selectors.change_get(self.actor, self.kwargs["pk"])
        steps = list(change.steps.order_by("position"))
        done = sum(step.state == "done" for step in steps)
        find = self.request.GET.get("find", "")[:100]
        logs = _log(change, find)
        return {
            **super().get_context_data(**kwargs),
            "page": Page(
                f"Change {change.pk}: {change.title}",
                breadcrumbs=place_crumbs(change),
                api=f"/api/v1/changes/{change.pk}/",
                permission="change.view",
                nav="changes:list",
            ),
            "change": change,
            "look": presentation.look(change),
            "phases": presentation.phases(change),
            "steps": presentation.step_rows(change, steps),
            "counted": presentation.counted(steps),
            "log": logs,
            "find": find,
            "held": presentation.held(change),
            "if_cancelled": presentation.if_cancelled(change, done, len(steps)),
            "allowed": selectors.allowed(self.actor, change),
            "approvals": change.approvals.select_related("approver").order_by("at"),
            "topic": f"change:{change.pk}",
            "live": change.state in Change.OPEN,
            "stops": presentation.stops(change),
            "address": whole(self.request.path),
        }


def _log(change: Change, find: str) -> list[Any]:
    """The last lines of the log, in order; with `find`, those that contain it."""
    rows = change.events.filter(kind="log").order_by("-number")[:MAX_LOG]
    wanted = find.lower()
    return [row for row in reversed(rows) if wanted in str(row.data.get("text", "")).lower()]


class ChangeLog(AccessMixin, View):
    """The whole log as text."""

    permission = "change.view"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        change = selectors.change_get(self.actor, pk)
        lines = [
            f"{e.at.isoformat()} {e.data.get('source', 'slipway')} {e.data.get('text', '')}"
            for e in change.events.filter(kind="log").order_by("number")
        ]
        answer = HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="change-{change.pk}.log"'
        return answer


class PlanPage(AccessMixin, View):
    """The plan as a review: what would be done, by risk, and the way past each gate."""

    permission = "change.view"

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        change = selectors.change_get(self.actor, pk)
        plan = Plan.from_json(change.plan) if change.plan else None
        context = {
            "page": Page(
                f"Plan {change.pk}: {change.title}",
                breadcrumbs=[*place_crumbs(change), (f"Change {pk}", _detail(pk))],
                api=f"/api/v1/changes/{pk}/plan/",
                permission="change.view",
                nav="changes:list",
            ),
            "change": change,
            "look": presentation.look(change),
            "plan": plan,
            "counts": plan.counts if plan else {},
            "groups": presentation.groups(plan) if plan else [],
            "unchanged": [a for a in plan.actions if a.verb == "unchanged"] if plan else [],
            "gate_summary": presentation.gate_summary(change),
            "blocking_summary": presentation.gate_summary(change, passing=False),
            "blocked": any(gate["outcome"] != "pass" for gate in change.gates),
            "allowed": selectors.allowed(self.actor, change),
            "approvals": change.approvals.filter(plan_hash=change.plan_hash).select_related(
                "approver"
            ),
            **_leave(self.actor, change),
            "topic": f"change:{pk}",
            "planning": change.state == Change.State.PLANNING,
            "deciding": change.state in (Change.State.READY, Change.State.WAITING),
        }
        return render(request, "changes/plan.html", context)


def _leave(actor: Actor, change: Change) -> dict[str, Any]:
    """Whose leave would help, and the gate for which this person may ask them."""
    asked = selectors.leave_of(change)
    rows = presentation.leave_rows(change, asked, selectors.inbox_waivers(actor))
    may = can(actor, change.verb, change.scope)
    open_gates = [row.gate for row in rows if row.may_ask and row.offered]
    return {"leave": rows, "may_ask": open_gates[0] if may and open_gates else ""}


def _detail(pk: int) -> str:
    return reverse("changes:detail", args=[pk])


class ChangeVerb(AccessMixin, View):
    """A form's POST: one service call, then the page that shows what came of it."""

    permission = "change.view"  # the service asks for more
    http_method_names = ("post", "options")
    then = "changes:detail"
    refused = "changes:plan"

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        change = selectors.change_get(self.actor, pk)
        try:
            self.act(change, request.POST)
        except TELLABLE as error:
            messages.error(request, in_words(error))
            return HttpResponseRedirect(reverse(self.refused, args=[pk]))
        return HttpResponseRedirect(reverse(self.then, args=[pk]))

    def act(self, change: Change, given: QueryDict) -> None:
        raise NotImplementedError


def in_words(error: SlipwayError) -> str:
    details = " ".join(f"{e.message} {e.fix}" for e in error.errors)
    return " ".join(part for part in (error.message, details or error.fix) if part)


class ConfirmChange(ChangeVerb):
    def act(self, change: Change, given: QueryDict) -> None:
        prefix = "choice:"
        choices = {
            name.removeprefix(prefix): str(given[name])
            for name in list(given)[:500]
            if name.startswith(prefix)
        }
        services.confirm(self.actor, change, given.get("plan_hash", ""), choices)


class CancelChange(ChangeVerb):
    refused = "changes:detail"

    def act(self, change: Change, given: QueryDict) -> None:
        services.cancel(self.actor, change)


class ReplanChange(ChangeVerb):
    then = "changes:plan"

    def act(self, change: Change, given: QueryDict) -> None:
        services.replan(self.actor, change)


class ApproveChange(ChangeVerb):
    def act(self, change: Change, given: QueryDict) -> None:
        plan_hash, comment = given.get("plan_hash", ""), given.get("comment", "")
        services.approve(self.actor, change, plan_hash, comment)
        messages.success(self.request, "Your approval is recorded.")


class RejectChange(ChangeVerb):
    def act(self, change: Change, given: QueryDict) -> None:
        plan_hash, comment = given.get("plan_hash", ""), given.get("comment", "")
        services.reject(self.actor, change, plan_hash, comment)


class AskWaiver(ChangeVerb):
    then = "changes:plan"

    def act(self, change: Change, given: QueryDict) -> None:
        days = _digits(given.get("days")) or 1
        services.ask_waiver(
            self.actor,
            scope=change.scope,
            change=change,
            gate=given.get("gate", ""),
            reason=given.get("reason", ""),
            ends_at=timezone.now() + timedelta(days=min(days, 400)) - timedelta(minutes=1),
        )
        messages.success(self.request, "Asked. It counts once somebody else grants it.")


class AskLeave(ChangeVerb):
    """Ask those whom a gate named: a form with a box for each."""

    then = "changes:plan"

    def act(self, change: Change, given: QueryDict) -> None:
        days = _digits(given.get("days")) or 1
        chosen = [text.partition(":") for text in given.getlist("about")[:MAX_CHOSEN]]
        made = services.ask_leave(
            self.actor,
            change,
            gate=given.get("gate", ""),
            reason=given.get("reason", ""),
            ends_at=timezone.now() + timedelta(days=min(days, 400)) - timedelta(minutes=1),
            about=[(_digits(scope) or 0, about) for scope, _, about in chosen],
        )
        places = ", ".join(sorted({waiver.scope.label for waiver in made}))
        messages.success(self.request, f"Asked for leave at {places}.")
