"""The pages of imports: the list, a new one, and one with what came of it; and the export."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from rbac.access import held_anywhere, require_anywhere
from rbac.views.mixins import AccessMixin
from schemas.permissions import CONFIGURE, VIEW
from schemas.transfer import selectors, services
from schemas.transfer.api.views import ACTIONS, archive_file, report_file
from schemas.transfer.forms import ArchiveForm, RegistryForm
from schemas.transfer.models import ImportRun, ImportVersion
from schemas.transfer.running import TOPIC

State, Outcome = ImportRun.State, ImportVersion.Outcome
PAGE_SIZE = 50
MAX_PAGE = 2_000
# The words of state that pages know, by ours.
LOOKS = {
    State.READING: "running",
    State.READY: "confirming",
    State.IMPORTING: "running",
    State.DONE: "done",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}
OUTCOMES = {
    Outcome.FOUND: ("pending", "found"),
    Outcome.READY: ("queued", "to come"),
    Outcome.THERE: ("unchanged", "there already"),
    Outcome.TAKEN: ("done", "imported"),
    Outcome.REFUSED: ("refused", "refused"),
}
SAID = {
    "confirm": "The import is under way.",
    "look-again": "The source is being read again.",
    "cancel": "The import is cancelled; what came stays.",
    "forget": "The import’s report is deleted; what came stays.",
}
_CRUMBS = [("Schemas", "/schemas/")]
_NAV = "schemas:list"


def _number(text: str) -> int:
    digits = text.isascii() and text.isdigit() and len(text) < 6  # noqa: PLR2004  # MAX_PAGE and more
    return min(max(int(text), 1), MAX_PAGE) if digits else 1


class ImportList(AccessMixin):
    permission = CONFIGURE

    def get(self, request: HttpRequest) -> HttpResponse:
        place = _number(request.GET.get("page", ""))
        first = (place - 1) * PAGE_SIZE
        rows = selectors.runs(self.actor).order_by("-pk")
        found = list(rows[first : first + PAGE_SIZE + 1])
        context = {
            "page": Page(
                "Imports of schemas",
                _CRUMBS,
                api="/api/v1/schemas/imports/",
                permission=self.permission,
                nav=_NAV,
                topics=[TOPIC],
            ),
            "rows": [{"run": row, "look": LOOKS[State(row.state)]} for row in found[:PAGE_SIZE]],
            "previous": f"?page={place - 1}" if place > 1 else "",
            "next": f"?page={place + 1}" if len(found) > PAGE_SIZE else "",
            "may_add": held_anywhere(self.actor, CONFIGURE),
        }
        return render(request, "schemas/transfer/list.html", context)


class NewImport(AccessMixin):
    """Begin an import, from a registry or from an archive (`?from=archive`)."""

    permission = CONFIGURE
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        archive = request.GET.get("from") == "archive"
        kind = ArchiveForm if archive else RegistryForm
        return self._show(kind(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, self.permission)
        archive = request.GET.get("from") == "archive"
        kind = ArchiveForm if archive else RegistryForm
        form = kind(request.POST, request.FILES, actor=self.actor)
        if form.is_valid():
            try:
                run = self._begin(dict(form.cleaned_data))
            except SlipwayError as error:
                form.take(error)
            else:
                return redirect("schemas:import", run.pk)
        return self._show(form, 422)

    def _begin(self, given: dict[str, Any]) -> ImportRun:
        project, file = given.pop("project"), given.pop("file", None)
        given["prefix"] = given.pop("start")
        if file is None:
            return services.import_registry(self.actor, project, **given)
        return services.import_archive(
            self.actor, project, file=file, name=file.name or "", **given
        )

    def _show(self, form: RegistryForm | ArchiveForm, status: int = 200) -> HttpResponse:
        archive, url = isinstance(form, ArchiveForm), reverse("schemas:import-new")
        kinds = (("From a registry", url, False), ("From an archive", f"{url}?from=archive", True))
        context = {
            "page": Page(
                "Import schemas",
                [*_CRUMBS, ("Imports", reverse("schemas:imports"))],
                api="/api/v1/schemas/imports/",
                permission=self.permission,
                nav=_NAV,
            ),
            "form": form,
            "archive": archive,
            "tabs": [
                {"label": title, "url": link, "current": which == archive, "count": None}
                for title, link, which in kinds
            ],
        }
        return render(self.request, "schemas/transfer/new.html", context, status=status)


class ImportPage(AccessMixin):
    """One import: what was found, what would come, and what came."""

    permission = CONFIGURE

    def get(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        run = selectors.run(self.actor, pk)
        if request.GET.get("export") in {"csv", "json"}:
            return report_file(self.actor, run, as_json=request.GET["export"] == "json")
        return render(request, "schemas/transfer/import.html", self._context(request, run))

    def _context(self, request: HttpRequest, run: ImportRun) -> dict[str, Any]:
        summary = selectors.summary(run)
        state, chosen = State(run.state), request.GET.get("outcome", "")
        chosen = chosen if chosen in Outcome.values else ""
        text = request.GET.get("q", "").replace("\0", "")[:255]
        return {
            "page": Page(
                f"Import {run.pk}",
                [*_CRUMBS, ("Imports", reverse("schemas:imports"))],
                api=reverse("schema-import", args=[run.pk]),
                owner=f"team {run.project.team.name}",
                permission=self.permission,
                nav=_NAV,
                topics=[TOPIC],
            ),
            "run": run,
            "look": LOOKS[state],
            "state": state,
            "summary": summary,
            "ready": summary.of(Outcome.READY),
            "there": summary.of(Outcome.THERE),
            "taken": summary.of(Outcome.TAKEN),
            "refused": summary.of(Outcome.REFUSED),
            "part": _progress(run, summary),
            "acts": acts(run),
            "waits": state in {State.READING, State.IMPORTING},
            "outcomes": [
                {"value": value, "label": OUTCOMES[Outcome(value)][1], "count": summary.of(value)}
                for value in Outcome.values
                if summary.of(value)
            ],
            "chosen": chosen,
            "q": text,
            **self._rows(request, run, chosen, text),
        }

    def _rows(self, request: HttpRequest, run: ImportRun, chosen: str, text: str) -> dict[str, Any]:
        place = _number(request.GET.get("page", ""))
        first = (place - 1) * PAGE_SIZE
        rows = selectors.versions(self.actor, run, outcome=chosen, text=text)
        ordered = rows.order_by("subject__context", "subject__name", "number")
        found = list(ordered[first : first + PAGE_SIZE + 1])
        return {
            "rows": [_row(one) for one in found[:PAGE_SIZE]],
            "previous": _link(chosen, text, place - 1) if place > 1 else "",
            "next": _link(chosen, text, place + 1) if len(found) > PAGE_SIZE else "",
        }


def _row(one: ImportVersion) -> dict[str, Any]:
    look, word = OUTCOMES[Outcome(one.outcome)]
    return {"version": one, "name": selectors.name_here(one), "look": look, "word": word}


def _link(outcome: str, text: str, place: int) -> str:
    given = {"outcome": outcome, "q": text, "page": place if place > 1 else ""}
    return f"?{urlencode({key: value for key, value in given.items() if value})}"


def _progress(run: ImportRun, summary: selectors.Summary) -> dict[str, int] | None:
    """How many versions are done, of those that were to come; none before it is confirmed."""
    if run.started_at is None:
        return None
    done = summary.versions - summary.of(Outcome.READY) - summary.of(Outcome.FOUND)
    return {"done": done, "of": summary.versions}


def acts(run: ImportRun) -> dict[str, bool]:
    """What can be done to a run now, by the action's name."""
    open_to = ImportRun.TRANSITIONS.get(run.state, frozenset())
    looked = run.state == State.READY or run.started_at is not None
    return {
        "confirm": State.IMPORTING in open_to and looked,
        "look_again": State.READING in open_to,
        "cancel": State.CANCELLED in open_to,
        "forget": run.state not in {State.READING, State.IMPORTING},
    }


class ActOnImport(AccessMixin):
    """Confirm, look again, cancel or forget; what is not possible is said on the page."""

    permission = CONFIGURE

    def post(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        run = selectors.run(self.actor, pk)
        try:
            if action == "forget":
                services.forget(self.actor, run)
            else:
                ACTIONS[action](self.actor, run)
        except SlipwayError as error:
            if error.status in {403, 404}:
                raise
            messages.error(request, f"{error.message} {error.fix}".strip())
            return redirect("schemas:import", pk)
        messages.success(request, SAID[action])
        return redirect("schemas:imports") if action == "forget" else redirect("schemas:import", pk)


class Export(AccessMixin):
    """The list's subjects as an archive."""

    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponseBase:
        return archive_file(self.actor, request.GET.dict())
