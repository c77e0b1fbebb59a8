"""The editor of a policy: what it would do is seen before it refuses anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from idp.common.host import Page
from portal.forms import ServiceForm
from rbac.access import require, require_anywhere
from rbac.selectors import scope_at
from rbac.views.mixins import AccessMixin
from schemas.models import Subject
from schemas.permissions import POLICY_MANAGE, REGISTER
from schemas.policies import previewing, selectors, services
from schemas.policies.forms import PolicyForm, RemovalForm
from schemas.policies.models import SchemaPolicy
from schemas.policies.previewing import Preview
from schemas.policies.views.pages import page
from schemas.views.changing import SubjectForm


class Editor(AccessMixin):
    """GET shows the form; POST previews what it holds, or saves it and goes to the policy."""

    permission = POLICY_MANAGE
    said: ClassVar[str] = ""

    def shown(self, form: PolicyForm, preview: Preview | None = None, **more: Any) -> HttpResponse:
        context = {
            "form": form,
            "preview": preview,
            "digest": form.digest if preview is not None else "",
            **self.frame(),
            **more,
        }
        status = 422 if form.errors or any(form.tagged.errors) else 200
        return render(self.request, "schemas/policies/edit.html", context, status=status)

    def frame(self) -> dict[str, Any]:
        """Page, title and where cancelling leads."""
        raise NotImplementedError

    def draft(self, form: PolicyForm) -> SchemaPolicy:
        """The policy that the form describes, unsaved."""
        raise NotImplementedError

    def save(self, form: PolicyForm) -> SchemaPolicy:
        raise NotImplementedError

    def handle(self, form: PolicyForm) -> HttpResponse:
        """Preview, save, or ask once more where the policy would begin to refuse."""
        if not form.is_valid():
            return self.shown(form)
        try:
            preview = previewing.preview(self.actor, self.draft(form))
            unseen = self.request.POST.get("seen") != form.digest
            bites = preview.biting and form.cleaned_data["mode"] == SchemaPolicy.Mode.ENFORCE
            if self.request.POST.get("do") != "save" or (bites and unseen):
                return self.shown(form, preview, asks=self.request.POST.get("do") == "save")
            row = self.save(form)
        except SlipwayError as error:
            form.take(error)
            return self.shown(form)
        messages.success(self.request, f"Policy {row.name} is {self.said}.")
        return redirect("schemas:policy", row.name)


class PolicyNew(Editor):
    anywhere = True
    said = "made"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.shown(PolicyForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, self.permission)
        return self.handle(PolicyForm(request.POST, actor=self.actor))

    def frame(self) -> dict[str, Any]:
        above = [("Schemas", reverse("schemas:list")), ("Policies", reverse("schemas:policies"))]
        return {
            "page": Page(
                "New policy",
                above,
                api="/api/v1/schema-policies/",
                permission=self.permission,
                nav="schemas:list",
            ),
            "url": reverse("schemas:policies"),
        }

    def _given(self, form: PolicyForm) -> dict[str, Any]:
        return {**form.values, "scope": scope_at(self.actor, form.cleaned_data["scope"])}

    def draft(self, form: PolicyForm) -> SchemaPolicy:
        return services.draft(self.actor, **self._given(form))

    def save(self, form: PolicyForm) -> SchemaPolicy:
        return services.add_policy(self.actor, **self._given(form))


class PolicyEdit(Editor):
    said = "changed"
    row: SchemaPolicy

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        self._find(name)
        return self.shown(PolicyForm(actor=self.actor, row=self.row))

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        self._find(name)
        return self.handle(PolicyForm(request.POST, actor=self.actor, row=self.row))

    def _find(self, name: str) -> None:
        self.row = selectors.policy(self.actor, name)
        require(self.actor, self.permission, self.row.scope)

    def frame(self) -> dict[str, Any]:
        return {
            "page": page(self.row, "Change"),
            "policy": self.row,
            "url": reverse("schemas:policy", args=[self.row.name]),
            "revision": self.row.revision,
        }

    def draft(self, form: PolicyForm) -> SchemaPolicy:
        row = SchemaPolicy.objects.select_related("scope", "team").get(pk=self.row.pk)
        return services.changed(row, **form.values)

    def save(self, form: PolicyForm) -> SchemaPolicy:
        known = self.request.POST.get("revision", "")
        revision = int(known) if known.isascii() and known.isdecimal() and len(known) < 10 else None  # noqa: PLR2004  # fits 32 bits
        return services.change_policy(self.actor, self.row, revision=revision, **form.values)


class PolicyDelete(AccessMixin):
    """Ask, then forget a policy."""

    permission = POLICY_MANAGE

    def get(self, request: HttpRequest, name: str) -> HttpResponse:
        row = self._find(name)
        context = {
            "page": page(row, "Delete"),
            "policy": row,
            "url": reverse("schemas:policy", args=[row.name]),
        }
        return render(request, "schemas/policies/delete.html", context)

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        row = self._find(name)
        services.remove_policy(self.actor, row)
        messages.success(request, f"Policy {name} is deleted.")
        return redirect("schemas:policies")

    def _find(self, name: str) -> SchemaPolicy:
        row = selectors.policy(self.actor, name)
        require(self.actor, self.permission, row.scope)
        return row


class TagRemoval(SubjectForm):
    """Ask for leave to take the tag that the address names from its field."""

    permission = REGISTER
    title = "Take a tag away"
    button = "Ask for leave"

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> ServiceForm:
        return RemovalForm(data)

    def save(self, subject: Subject, form: Any) -> str:
        services.ask_removal(
            self.actor,
            subject,
            path=self.request.GET.get("path", "")[:1000],
            tag=self.request.GET.get("tag", "")[:60],
            **form.cleaned_data,
        )
        return "Asked. Somebody else with gate.waive in the project finds it in their inbox."

    def more(self, subject: Subject) -> dict[str, Any]:
        return {
            "asked": {
                "path": self.request.GET.get("path", "")[:1000],
                "tag": self.request.GET.get("tag", "")[:60],
            }
        }
