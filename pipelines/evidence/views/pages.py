"""The list of rules, one rule with what it would have done, and the check while one writes."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.errors import Invalid
from idp.common.host import Page
from pipelines.evidence import language, previewing, registry, selectors
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.services import MANAGE, VIEW
from rbac.access import can, held_anywhere, require_anywhere
from rbac.views.mixins import AccessMixin

MAX_ROWS = 200
NAV = "pipelines:gates"


class Rules(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        rows = list(selectors.rules(self.actor)[:MAX_ROWS])
        context = {
            "page": Page("Gates", api="/api/v1/evidence-rules/", permission=VIEW, nav=NAV),
            "rows": rows,
            "allowed": bool(rows) or held_anywhere(self.actor, VIEW),
            "may_add": held_anywhere(self.actor, MANAGE),
            "facts": registry.catalogue(),
        }
        return render(request, "pipelines/evidence/list.html", context)


class RulePage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = selectors.rule(self.actor, name)
        context = {
            "page": page(row),
            "rule": row,
            **checked(row.condition),
            "preview": previewing.preview(self.actor, row),
            "may_change": can(self.actor, MANAGE, row.scope),
        }
        return render(request, "pipelines/evidence/rule.html", context)


class CheckRule(AccessMixin):
    """What the server says of a condition while one writes it."""

    permission = MANAGE
    anywhere = True

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, MANAGE)
        context = checked(request.POST.get("condition", ""))
        return render(request, "pipelines/evidence/check.html", context)


def checked(text: str) -> dict[str, Any]:
    """The clauses of a condition, or why it is none."""
    if not text.strip():
        return {"waits": True}
    try:
        return {"parts": language.parts(text)}
    except Invalid as error:
        return {"error": error}


def page(row: EvidenceRule, title: str = "") -> Page:
    """The frame of a page about one rule."""
    above = [("Gates", reverse("pipelines:gates"))]
    if title:
        above.append((row.name, reverse("pipelines:gate", args=[row.name])))
    return Page(
        title or row.title,
        above,
        api=reverse("evidence-rule", args=[row.name]),
        permission=MANAGE if title else VIEW,
        nav=NAV,
    )
