"""Forms about one subject: describing it, its life, its settings, and deleting it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.common.errors import SlipwayError
from portal.forms import ServiceForm
from rbac.access import require
from rbac.views.mixins import AccessMixin
from schemas import listing, permissions, reviewing, services
from schemas.addresses import page_of
from schemas.configuration import EMPTY, Place
from schemas.forms import DeleteForm, DescribeForm, LifecycleForm, SettingsForm
from schemas.models import SchemaReference, Subject, SubjectVersion
from schemas.naming import SubjectName
from schemas.services.deleting import delete_subject, delete_version
from schemas.traffic import selectors as using
from schemas.views.detail import frame, version_of

MAX_LOST = 50


def name_of(subject: Subject) -> SubjectName:
    return SubjectName(subject.context.name, subject.name)


class SubjectForm(AccessMixin):
    """A form page about a subject: GET asks, POST does it and goes back to the subject."""

    title: ClassVar[str] = ""
    text: ClassVar[str] = ""
    button: ClassVar[str] = "Save"
    danger: ClassVar[bool] = False

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        subject = self.subject(pk)
        return self.show(request, subject, self.form(subject))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        subject = self.subject(pk)
        form = self.form(subject, request.POST)
        if form.is_valid():
            try:
                said = self.save(subject, form)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, said)
                return redirect(self.after(subject))
        return self.show(request, subject, form, status=422)

    def subject(self, pk: int) -> Subject:
        found = listing.subject(self.actor, pk)
        require(self.actor, self.permission, self.place(found))
        return found

    def place(self, subject: Subject) -> Any:
        return subject.keeper

    def after(self, subject: Subject) -> str:
        return page_of(subject)

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> Any:
        raise NotImplementedError

    def save(self, subject: Subject, form: Any) -> str:
        raise NotImplementedError

    def more(self, subject: Subject) -> dict[str, Any]:
        """What a form's page shows besides."""
        return {}

    def show(
        self, request: HttpRequest, subject: Subject, form: ServiceForm, status: int = 200
    ) -> HttpResponse:
        context = {
            **frame(self.actor, subject),
            "what": {
                "title": self.title,
                "text": self.text,
                "button": self.button,
                "danger": self.danger,
            },
            "form": form,
            **self.more(subject),
        }
        return render(request, "schemas/action.html", context, status=status)


class Describe(SubjectForm):
    permission = permissions.MANAGE
    title = "Describe"
    text = "Who answers for it and what it means. Versions stay as they are."

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> DescribeForm:
        names = ("component", "contact", "tags", "docs")
        initial = {name: getattr(subject, name) for name in names}
        return DescribeForm(data, initial={**initial, "owner": subject.owner.name})

    def save(self, subject: Subject, form: DescribeForm) -> str:
        services.describe_subject(self.actor, subject, **form.values)
        return f"{subject} is changed."


class Lifecycle(SubjectForm):
    permission = permissions.MANAGE
    title = "Lifecycle"
    text = "Others see the state before they build on the subject."
    button = "Move it"

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> LifecycleForm:
        wanted = self.request.GET.get("to", "")[:20]
        initial = {"state": wanted, "sunset_on": subject.sunset_on}
        return LifecycleForm(data, subject=subject, initial=initial)

    def save(self, subject: Subject, form: LifecycleForm) -> str:
        cleaned = form.cleaned_data
        services.move_subject(
            self.actor, subject, cleaned["state"], sunset_on=cleaned.get("sunset_on")
        )
        return f"{subject} is {cleaned['state']}."


class Settings(SubjectForm):
    permission = permissions.CONFIGURE
    title = "Compatibility"
    text = "What a new version has to get on with. What is empty is asked of the place above."

    def place(self, subject: Subject) -> Any:
        return subject.scope

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> SettingsForm:
        above = Place(subject.context)
        names = ("level", "policy", "mode", "compatibility_group", "normalize")
        return SettingsForm(
            data,
            initial={name: getattr(subject, name) for name in names},
            above={
                "level": reviewing.level_of(above).value,
                "policy": reviewing.policy_of(above).value,
                "mode": reviewing.mode_of(above).value,
            },
        )

    def save(self, subject: Subject, form: SettingsForm) -> str:
        name, mode = name_of(subject), form.cleaned_data["mode"]
        if mode and mode != subject.mode:
            services.set_mode(self.actor, name, mode)
        elif subject.mode and not mode:
            services.clear_mode(self.actor, name)
        services.set_settings(self.actor, name, form.settings)
        return f"The settings of {subject} are changed."


class Delete(SubjectForm):
    """One version where the address names it, else the subject; the second time for good."""

    permission = permissions.DELETE
    title = "Delete"
    button = "Delete it"
    danger = True

    def place(self, subject: Subject) -> Any:
        return subject.keeper

    def subject(self, pk: int) -> Subject:
        found = listing.subject(self.actor, pk)
        permanent = not found.latest
        place = found.scope if permanent else found.keeper
        require(self.actor, permissions.PURGE if permanent else self.permission, place)
        return found

    def _version(self, subject: Subject) -> SubjectVersion | None:
        number = self.request.GET.get("version", "")
        return version_of(subject, number) if number else None

    def form(self, subject: Subject, data: Mapping[str, Any] | None = None) -> DeleteForm:
        return DeleteForm(data, expected=str(subject))

    def save(self, subject: Subject, form: DeleteForm) -> str:
        row, permanent = self._version(subject), not subject.latest
        if row is not None:
            gone = row.deleted_at is not None
            delete_version(self.actor, name_of(subject), row.number, permanent=gone)
            return f"Version {row.number} of {form.expected} is deleted."
        delete_subject(self.actor, name_of(subject), permanent=permanent)
        return f"{form.expected} is deleted{' for good' if permanent else ''}."

    def after(self, subject: Subject) -> str:
        kept = Subject.objects.filter(pk=subject.pk, last_version__gt=0).exists()
        return page_of(subject) if kept else reverse("schemas:list")

    def more(self, subject: Subject) -> dict[str, Any]:
        row = self._version(subject)
        rows = subject.versions.filter(pk=row.pk) if row else subject.versions.all()
        if not row and subject.latest:
            rows = rows.filter(deleted_at=None)
        permanent = row.deleted_at is not None if row else not subject.latest
        own = [name for name in EMPTY if getattr(subject, name) not in ("", None)]
        numbers = list(rows.order_by("number").values_list("number", flat=True))
        return {
            "lost": {
                "version": row,
                "versions": numbers,
                "permanent": permanent,
                "settings": [] if row else own,
                "holders": _holders(rows),
                "using": using.uses_of(self.actor, subject, numbers),
            }
        }


def _holders(rows: Any) -> list[str]:
    """Schemas that refer to these versions; while there are any the service refuses."""
    uses = SchemaReference.objects.filter(
        target__in=rows, schema__versions__deleted_at=None
    ).exclude(schema__versions__in=rows)
    names = uses.values_list("schema__versions__subject__name", flat=True).distinct()
    return [str(name) for name in names.order_by("schema__versions__subject__name")[:MAX_LOST]]
