"""The compare page: a candidate against its subject's versions, judged while one writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from rbac.access import can, held_anywhere, visible
from rbac.actors import Actor
from rbac.models import Scope, Tier
from rbac.views.mixins import AccessMixin
from schemas import listing, naming, reviewing, selectors, services, texts
from schemas.addresses import page_of
from schemas.dependants.impact import impact_of
from schemas.formats.base import FormatName
from schemas.formats.levels import Level
from schemas.forms import CompareForm
from schemas.models import Subject
from schemas.parsing import Candidate
from schemas.permissions import REGISTER, VIEW

OFFERED = 200  # subjects in the list beside the field
Verdict = dict[str, Any]


class Compare(AccessMixin):
    """GET shows the form, filled from the address; POST judges what it holds. Nothing is stored."""

    permission = VIEW
    anywhere = True
    template: ClassVar[str] = "schemas/compare.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = self.form(initial=self._initial(request.GET.get("subject", "")[:400]))
        return self.show(request, form, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        return self.show(request, form, self.judge(form))

    def form(self, data: Mapping[str, Any] | None = None, **kwargs: Any) -> CompareForm:
        return CompareForm(data, projects=projects(self.actor), **kwargs)

    def _initial(self, name: str) -> dict[str, Any]:
        """The newest version of the subject that the address names, to be changed."""
        found = selectors.find_subject(naming.split(name)) if name else None
        if found is None or not found.latest or not can(self.actor, VIEW, found):
            return {"subject": name}
        row = selectors.version(found, selectors.LATEST)
        references = [f"{r['name']} {r['subject']} {r['version']}" for r in row.schema.references]
        return {
            "subject": name,
            "format": row.schema.format,
            "candidate": texts.readable(FormatName(row.schema.format), row.schema.text),
            "references": "\n".join(references),
        }

    def judge(self, form: CompareForm) -> Verdict:
        """The verdict on what the form holds; empty while there is nothing to judge."""
        if not form.is_valid():
            return {}
        given = form.cleaned_data
        if not given["candidate"].strip():
            return {}
        try:
            if given["subject"]:
                return self._against_subject(given)
            if not given["earlier"].strip():
                return {"waits": True}
            level = Level(given["level"] or Level.BACKWARD)
            found = reviewing.compare_texts(
                FormatName(given["format"]),
                given["earlier"],
                given["candidate"],
                level,
                lenient=False,
            )
        except SlipwayError as error:
            return {"problem": error}
        return {"comparison": found}

    def _against_subject(self, given: Mapping[str, Any]) -> Verdict:
        name = naming.parse(given["subject"])
        review = reviewing.review_candidate(
            self.actor, name, candidate_of(given), project=given["project"]
        )
        found = selectors.find_subject(name)
        known = found if found is not None and can(self.actor, VIEW, found) else None
        used = known is not None and known.last_version
        return {
            "review": review,
            "subject": known,
            "impact": impact_of(self.actor, name, candidate_of(given)) if used else None,
            "url": page_of(known) if known and known.last_version else "",
            "may_register": can(self.actor, REGISTER, known.keeper)
            if known
            else held_anywhere(self.actor, REGISTER),
        }

    def show(
        self, request: HttpRequest, form: CompareForm, verdict: Verdict, status: int = 200
    ) -> HttpResponse:
        page = Page(
            "Compare a schema",
            [("Schemas", reverse("schemas:list"))],
            api="/api/v1/subjects/",
            permission=self.permission,
            nav="schemas:list",
        )
        context = {
            "page": page,
            "form": form,
            "verdict": verdict,
            "offered": [] if self.template != Compare.template else offered(self.actor),
        }
        return render(request, self.template, context, status=status)


class CompareVerdict(Compare):
    """Only the verdict, for the page that asks while one writes."""

    template = "schemas/parts/verdict.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("schemas:compare")


class RegisterCandidate(Compare):
    """Register what the compare page holds."""

    permission = REGISTER

    def get(self, request: HttpRequest) -> HttpResponse:
        return redirect("schemas:compare")

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request.POST)
        if form.is_valid() and not form.cleaned_data["subject"]:
            form.add_error("subject", "Name the subject that gets the new version.")
        if not form.is_valid():
            return self.show(request, form, {}, status=422)
        given = form.cleaned_data
        try:
            row = services.register(
                self.actor,
                naming.parse(given["subject"]),
                candidate_of(given),
                project=given["project"],
            )
        except SlipwayError as error:
            return self.show(request, form, {**self.judge(form), "refused": error}, status=422)
        messages.success(
            request, f"{row.subject} has version {row.number}, id {row.schema.number}."
        )
        return redirect(page_of(row.subject))


def candidate_of(given: Mapping[str, Any]) -> Candidate:
    """The candidate of a valid form."""
    return Candidate(
        text=given["candidate"],
        format=FormatName(given["format"]),
        references=given["references"],
    )


def projects(actor: Actor) -> list[str]:
    """Projects in which the actor may publish, by name."""
    keepers = Scope.objects.filter(kind=Scope.Kind.TIER, name=Tier.DEVELOPMENT)
    rows = visible(actor, REGISTER, keepers).values_list("project_scope__name", flat=True)
    return sorted({name for name in rows if name})


def offered(actor: Actor) -> list[str]:
    """Names of subjects that the field completes."""
    rows = listing.subjects(actor, listing.Filters())
    found: list[Subject] = list(rows.order_by(*listing.ORDER)[:OFFERED])
    return [str(row) for row in found]
