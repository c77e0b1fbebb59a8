"""Forms about databases: register, declare, say where one lives, forget; and the lint page."""

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
from rbac.views.mixins import AccessMixin
from schemas.databases import declaring, linting, selectors, services
from schemas.databases.forms import (
    ConfirmForm,
    DatabaseForm,
    DeclareForm,
    InstanceForm,
    LintForm,
)
from schemas.databases.models import Database, DatabaseInstance, Declaration
from schemas.databases.views.pages import frame
from schemas.permissions import (
    DATABASE_DECLARE,
    DATABASE_MANAGE,
    DATABASE_SNAPSHOT,
    DATABASE_VIEW,
)


class AddDatabase(AccessMixin):
    """Register a database in a project that one manages."""

    permission = DATABASE_MANAGE
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(DatabaseForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        require_anywhere(self.actor, self.permission)
        form = DatabaseForm(request.POST, actor=self.actor)
        if form.is_valid():
            try:
                row = services.add_database(self.actor, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, f"{row} is registered.")
                return redirect("schemas:database", row.pk)
        return self._show(form, 422)

    def _show(self, form: DatabaseForm, status: int = 200) -> HttpResponse:
        context = {
            "page": Page(
                "Register a database",
                [("Databases", reverse("schemas:databases"))],
                api="/api/v1/databases/",
                permission=self.permission,
                nav="schemas:databases",
            ),
            "what": {
                "title": "Register a database",
                "text": "One entry for each service’s database; where it lives comes next.",
                "button": "Register it",
            },
            "form": form,
            "url": reverse("schemas:databases"),
        }
        return render(self.request, "schemas/databases/form.html", context, status=status)


class DatabaseForms(AccessMixin):
    """A form page about a database: GET asks, POST does it and goes back to the database."""

    title: ClassVar[str] = ""
    text: ClassVar[str] = ""
    button: ClassVar[str] = "Save"
    danger: ClassVar[bool] = False
    database: Database

    def get(self, request: HttpRequest, pk: int, number: int = 0) -> HttpResponse:
        self._find(pk, number)
        return self._show(self.form())

    def post(self, request: HttpRequest, pk: int, number: int = 0) -> HttpResponse:
        self._find(pk, number)
        form = self.form(request.POST)
        if form.is_valid():
            try:
                said = self.save(form)
            except SlipwayError as error:
                form.take(error)
            else:
                messages.success(request, said)
                return redirect(self.after())
        return self._show(form, 422)

    def _find(self, pk: int, number: int) -> None:
        self.database = selectors.database(self.actor, pk)
        require(self.actor, self.permission, self.place())
        if number:
            self.instance: DatabaseInstance | None = selectors.instance(self.actor, pk, number)
        else:
            self.instance = None

    def place(self) -> Any:
        """Where the permission is asked for."""
        return self.database

    def after(self) -> str:
        return reverse("schemas:database", args=[self.database.pk])

    def form(self, data: Mapping[str, Any] | None = None) -> Any:
        raise NotImplementedError

    def save(self, form: Any) -> str:
        raise NotImplementedError

    def _show(self, form: ServiceForm, status: int = 200) -> HttpResponse:
        context = {
            **frame(self.actor, self.database),
            "what": {
                "title": self.title,
                "text": self.text,
                "button": self.button,
                "danger": self.danger,
            },
            "form": form,
            "instance": self.instance,
        }
        return render(self.request, "schemas/databases/form.html", context, status=status)


class Describe(DatabaseForms):
    permission = DATABASE_MANAGE
    title = "Describe"

    def form(self, data: Mapping[str, Any] | None = None) -> DatabaseForm:
        initial = {"component": self.database.component, "on_drift": self.database.on_drift}
        return DatabaseForm(data, actor=self.actor, fixed=True, initial=initial)

    def save(self, form: DatabaseForm) -> str:
        services.change_database(self.actor, self.database, **form.cleaned_data)
        return f"{self.database} is changed."


class Forget(DatabaseForms):
    permission = DATABASE_MANAGE
    title = "Forget"
    text = "Its declared versions, snapshots and addresses are deleted here. The databases stay."
    button = "Forget it"
    danger = True

    def form(self, data: Mapping[str, Any] | None = None) -> ConfirmForm:
        return ConfirmForm(data, expected=str(self.database))

    def save(self, form: ConfirmForm) -> str:
        services.remove_database(self.actor, self.database)
        return f"{form.expected} is forgotten."

    def after(self) -> str:
        return reverse("schemas:databases")


class Declare(DatabaseForms):
    """Hand in SQL; the page of the declaration shows how reading it goes."""

    permission = DATABASE_DECLARE
    title = "Declare a version of"
    text = "What every place of this database is compared with from now on."
    button = "Declare it"
    declaration: Declaration

    def place(self) -> Any:
        return self.database.keeper

    def form(self, data: Mapping[str, Any] | None = None) -> DeclareForm:
        return DeclareForm(data, database=self.database)

    def save(self, form: DeclareForm) -> str:
        self.declaration = declaring.ask(self.actor, self.database, **form.cleaned_data)
        return "It is handed in and will be read in a moment."

    def after(self) -> str:
        return reverse("schemas:database-declaration", args=[self.database.pk, self.declaration.pk])


class AddPlace(DatabaseForms):
    permission = DATABASE_MANAGE
    title = "Add where it lives:"
    button = "Add it"

    def form(self, data: Mapping[str, Any] | None = None) -> InstanceForm:
        return InstanceForm(data, database=self.database)

    def save(self, form: InstanceForm) -> str:
        row = services.add_instance(self.actor, self.database, **form.values)
        return f"{row} is being read."


class ChangePlace(DatabaseForms):
    permission = DATABASE_MANAGE
    title = "Change where it lives:"
    instance: DatabaseInstance

    def form(self, data: Mapping[str, Any] | None = None) -> InstanceForm:
        row = self.instance
        initial = {
            "expected": row.expected.number if row.expected else 0,
            "ignoring": row.ignoring,
            "active": row.active,
        }
        return InstanceForm(data, database=self.database, instance=row, initial=initial)

    def save(self, form: InstanceForm) -> str:
        services.change_instance(self.actor, self.instance, **form.values)
        return f"{self.instance} is changed."


class ForgetPlace(DatabaseForms):
    permission = DATABASE_MANAGE
    title = "Stop looking at"
    text = "Its address and its snapshots are deleted here. The database stays."
    button = "Forget it"
    danger = True
    instance: DatabaseInstance

    def form(self, data: Mapping[str, Any] | None = None) -> ConfirmForm:
        return ConfirmForm(data, expected=self.instance.place)

    def save(self, form: ConfirmForm) -> str:
        services.remove_instance(self.actor, self.instance)
        return f"{form.expected} is forgotten."


class Look(AccessMixin):
    """Have a live database read now."""

    permission = DATABASE_SNAPSHOT

    def post(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        row = selectors.instance(self.actor, pk, number)
        try:
            services.ask(self.actor, row)
            messages.success(request, f"{row} is being read.")
        except SlipwayError as error:
            if error.status in {403, 404}:
                raise
            messages.error(request, f"{error.message} {error.fix}".strip())
        return redirect("schemas:database", pk)


class Lint(AccessMixin):
    """Paste a migration and see what it would lock, rewrite, lose or break."""

    permission = DATABASE_VIEW
    anywhere = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(LintForm(actor=self.actor))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LintForm(request.POST, actor=self.actor)
        if form.is_valid():
            try:
                found = linting.lint_migration(self.actor, **form.cleaned_data)
            except SlipwayError as error:
                form.take(error)
            else:
                return self._show(form, findings=found, judged=True)
        return self._show(form, 422)

    def _show(self, form: LintForm, status: int = 200, **more: Any) -> HttpResponse:
        findings = more.get("findings", ())
        context = {
            "page": Page(
                "Check a migration",
                [("Databases", reverse("schemas:databases"))],
                api="/api/v1/migrations/lint/",
                permission=self.permission,
                nav="schemas:databases",
            ),
            "form": form,
            "refused": sum(one.refuses for one in findings),
            **more,
        }
        return render(self.request, "schemas/databases/lint.html", context, status=status)
