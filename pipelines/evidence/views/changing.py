"""The editor of a rule: what it would have stopped is seen before it blocks anything."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from pipelines.evidence import previewing, registry, selectors, services
from pipelines.evidence.forms import RuleForm
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.previewing import Preview
from pipelines.evidence.services import MANAGE
from pipelines.evidence.views.pages import NAV, checked, page
from rbac.access import require, require_anywhere
from rbac.selectors import scope_at
from rbac.views.mixins import AccessMixin


class Editor(AccessMixin):
    """GET shows the form; POST previews what it holds, or saves it and goes to the rule."""

    permission = MANAGE
    said: ClassVar[str] = ""

    def shown(self, form: RuleForm, preview: Preview | None = None, **more: Any) -> HttpResponse:
        written = str(form["condition"].value() or "")
        context = {
            "form": form,
            "preview": preview,
            "digest": form.digest if preview is not None else "",
            "facts": registry.catalogue(),
            **checked(written),
            **self.frame(),
            **more,
        }
        status = 422 if form.errors else 200
        return render(self.request, "pipelines/evidence/edit.html", context, status=status)

    def frame(self) -> dict[str, Any]:
        """Page and where cancelling leads."""
        raise NotImplementedError

    def draft(self, form: RuleForm) -> EvidenceRule:
        """The rule that the form describes, unsaved."""
        raise NotImplementedError

    def save(self, form: RuleForm) -> EvidenceRule:
        raise NotImplementedError

    def handle(self, form: RuleForm) -> HttpResponse:
        """Preview, save, or show first what a rule that blocks would have stopped."""
        if not form.is_valid():
            return self.shown(form)
        saves = self.request.POST.get("do") == "save"
        try:
            draft = self.draft(form)
            unseen = self.request.POST.get("seen") != form.digest
            if not saves or (form.blocks and unseen):
                return self.shown(form, previewing.preview(self.actor, draft), asks=saves)
            row = self.save(form)
        except SlipwayError as error:
            form.take(error)
            return self.shown(form)
        messages.success(self.request, f"Rule {row.name} is {self.said}.")
        return redirect("pipelines:gate", row.name)


class RuleNew(Editor):
    anywhere = True
    said = "made"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(RuleForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, MANAGE)
        return self.handle(RuleForm(request.POST))

    def frame(self) -> dict[str, Any]:
        above = [("Gates", reverse("pipelines:gates"))]
        api = "/api/v1/evidence-rules/"
        return {
            "page": Page("New rule", above, api=api, permission=MANAGE, nav=NAV),
            "url": reverse("pipelines:gates"),
        }

    def _given(self, form: RuleForm) -> dict[str, Any]:
        return {**form.values, "scope": scope_at(self.actor, form.cleaned_data["scope"])}

    def draft(self, form: RuleForm) -> EvidenceRule:
        return services.draft(self.actor, **self._given(form))

    def save(self, form: RuleForm) -> EvidenceRule:
        return services.add_rule(self.actor, **self._given(form))


class RuleEdit(Editor):
    said = "changed"
    row: EvidenceRule

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        self._find(name)
        return self.shown(RuleForm(row=self.row))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        self._find(name)
        return self.handle(RuleForm(request.POST, row=self.row))

    def _find(self, name: str) -> None:
        self.row = selectors.rule(self.actor, name)
        require(self.actor, MANAGE, self.row.scope)

    def frame(self) -> dict[str, Any]:
        return {
            "page": page(self.row, "Change"),
            "rule": self.row,
            "url": reverse("pipelines:gate", args=[self.row.name]),
            "revision": self.row.revision,
        }

    def draft(self, form: RuleForm) -> EvidenceRule:
        return services.changed(selectors.rule(self.actor, self.row.name), **form.values)

    def save(self, form: RuleForm) -> EvidenceRule:
        known = self.request.POST.get("revision", "")
        revision = int(known) if known.isascii() and known.isdecimal() and len(known) < 10 else None  # noqa: PLR2004  # fits 32 bits
        return services.change_rule(self.actor, self.row, revision=revision, **form.values)


class RuleDelete(AccessMixin):
    """Ask, then forget a rule."""

    permission = MANAGE

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = self._find(name)
        url = reverse("pipelines:gate", args=[row.name])
        context = {"page": page(row, "Delete"), "rule": row, "url": url}
        return render(request, "pipelines/evidence/delete.html", context)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        services.remove_rule(self.actor, self._find(name))
        messages.success(request, f"Rule {name} is deleted.")
        return redirect("pipelines:gates")

    def _find(self, name: str) -> EvidenceRule:
        row = selectors.rule(self.actor, name)
        require(self.actor, MANAGE, row.scope)
        return row
