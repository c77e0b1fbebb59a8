"""The admin site's databases and the places where they live: by the services, as everywhere else.

A place's URL goes in and never comes out: its field is empty, and empty keeps what is stored.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from portal.forms import LinesField
from rbac.admin import AuditedAdmin
from schemas.databases import reaching, services
from schemas.databases.models import Database, DatabaseInstance
from schemas.permissions import DATABASE_MANAGE, DATABASE_VIEW

_KEEP = "Write-only. Leave it empty to keep what is stored."
_MOST = 2**31 - 1


@admin.register(Database)
class DatabaseAdmin(AuditedAdmin):
    """A database; its versions are declared by page, REST and `slipway`."""

    view_permission = DATABASE_VIEW
    add_permission = change_permission = delete_permission = DATABASE_MANAGE
    list_display = ("__str__", "component", "on_drift", "last_version", "created_at")
    list_filter = ("on_drift",)
    search_fields = ("name", "component", "project__name")
    list_select_related = ("project",)
    fields = ("project", "name", "component", "on_drift")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "name") if obj else ()

    def perform_add(self, request: HttpRequest, obj: Database, form: Any) -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "component", "on_drift")}
        row = services.add_database(self.actor(request), obj.project, **given)
        obj.pk, obj.keeper = row.pk, row.keeper

    def perform_change(self, request: HttpRequest, obj: Database, form: Any) -> None:
        former = Database.objects.select_related("project__scope").get(pk=obj.pk)
        given = {name: form.cleaned_data[name] for name in ("component", "on_drift")}
        services.change_database(self.actor(request), former, **given)

    def perform_delete(self, request: HttpRequest, obj: Database) -> None:
        services.remove_database(self.actor(request), obj)


class PlaceForm(forms.ModelForm):
    """What the services take; they judge it, and their refusals stand beside the fields."""

    environment = forms.CharField(
        widget=UnfoldAdminTextInputWidget(), help_text="An environment of the project, or a tier."
    )
    url = forms.CharField(
        required=False,
        max_length=services.MAX_URL,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_KEEP,
    )
    expected_version = forms.IntegerField(
        required=False,
        initial=0,
        min_value=0,
        max_value=_MOST,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="The version that it should have; 0 is the newest.",
    )
    ignoring = LinesField(required=False, help_text="Paths that nobody declares, one a line.")

    class Meta:
        model = DatabaseInstance
        fields = ("database", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["url"] = ""
        if self.instance.pk:
            expected = self.instance.expected
            self.fields.pop("environment", None)
            self.initial["expected_version"] = expected.number if expected else 0
            self.initial["ignoring"] = self.instance.ignoring

    @property
    def values(self) -> dict[str, Any]:
        """What the services take; an empty URL is left out."""
        found: dict[str, Any] = {
            "expected": self.cleaned_data["expected_version"] or 0,
            "ignoring": self.cleaned_data["ignoring"],
            "active": self.cleaned_data["active"],
        }
        return found | ({"url": self.cleaned_data["url"]} if self.cleaned_data["url"] else {})


@admin.register(DatabaseInstance)
class PlaceAdmin(AuditedAdmin):
    """Where a database lives, with its address but for the password."""

    view_permission = DATABASE_VIEW
    add_permission = change_permission = delete_permission = DATABASE_MANAGE
    form = PlaceForm
    list_display = ("__str__", "address", "condition", "active", "checked_at")
    list_filter = ("active",)
    search_fields = ("database__name", "database__project__name", "scope__name")
    list_select_related = ("database__project", "scope")
    readonly_fields = ("address", "condition")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("database", "place", "address", "condition") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        given = ("url", "expected_version", "ignoring", "active")
        if obj is None:
            return ("database", "environment", *given)
        return ("database", "place", "address", "condition", *given)

    @admin.display(description="Address")
    def address(self, obj: DatabaseInstance) -> str:
        return reaching.shown(obj.url)

    @admin.display(description="State")
    def condition(self, obj: DatabaseInstance) -> str:
        return obj.state

    def perform_add(self, request: HttpRequest, obj: DatabaseInstance, form: Any) -> None:
        given = {"url": "", **form.values, "environment": form.cleaned_data["environment"]}
        row = services.add_instance(self.actor(request), obj.database, **given)
        obj.pk, obj.scope = row.pk, row.scope

    def perform_change(self, request: HttpRequest, obj: DatabaseInstance, form: Any) -> None:
        former = DatabaseInstance.objects.select_related("database__project__scope", "scope")
        services.change_instance(self.actor(request), former.get(pk=obj.pk), **form.values)

    def perform_delete(self, request: HttpRequest, obj: DatabaseInstance) -> None:
        services.remove_instance(self.actor(request), obj)
