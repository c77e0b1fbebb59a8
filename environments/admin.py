"""The admin site's blueprints, limits and environments: decided and audited like all else."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from environments import services
from environments.models import Blueprint, BlueprintVersion, Environment, EnvironmentGrant, Limit
from environments.orphans import orphans
from environments.services.blueprints import check_version
from idp.common.errors import BackendError, Invalid
from rbac.admin import AuditedAdmin, ObjectGrantAdmin


@admin.register(Blueprint)
class BlueprintAdmin(AuditedAdmin):
    """What a blueprint is called; its content is in its versions."""

    view_permission = "blueprint.view"
    add_permission = change_permission = "blueprint.manage"
    list_display = ("name", "title", "owner", "builtin", "active")
    search_fields = ("name", "title")
    fields = ("name", "title", "description", "owner", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []


class VersionForm(forms.ModelForm):
    """Schema and template, compiled and checked before they are stored."""

    schema = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 20}),
        help_text="JSON Schema of the parameters, as JSON.",
    )
    template = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 30}),
        help_text="YAML; expressions in leaf values only. See docs/blueprints.md.",
        strip=False,
    )

    class Meta:
        model = BlueprintVersion
        fields = ("blueprint", "version", "schema", "template", "notes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["schema"] = json.dumps(self.instance.schema, indent=2)

    def clean_schema(self) -> Any:
        try:
            return json.loads(self.cleaned_data["schema"])
        except ValueError as error:
            raise forms.ValidationError(f"It is not JSON: {error}") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not {"schema", "template", "version"} <= set(cleaned):
            return cleaned
        try:
            check_version(cleaned["schema"], cleaned["template"], cleaned["version"])
        except Invalid as error:
            place = (error.errors[0].field if error.errors else "").partition(".")[0]
            field = place if place in self.fields else None
            self.add_error(field, f"{error.message} {error.fix}".strip())
        return cleaned


@admin.register(BlueprintVersion)
class BlueprintVersionAdmin(AuditedAdmin):
    """Drafts may be edited; what is published stays as it is."""

    view_permission = "blueprint.view"
    add_permission = change_permission = delete_permission = "blueprint.manage"
    form = VersionForm
    list_display = ("__str__", "published_at", "digest")
    list_filter = ("blueprint",)
    list_select_related = ("blueprint",)
    actions = ("publish",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.published_at) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.published_at) and super().has_delete_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names = ["blueprint", "version", "schema", "template", "notes"]
        return [*names, "digest", "published_at"] if obj and obj.published_at else names

    def perform_add(self, request: HttpRequest, obj: BlueprintVersion, form: Any) -> None:
        made = services.create_version(
            self.actor(request),
            blueprint=obj.blueprint.name,
            version=obj.version,
            schema=obj.schema,
            template=obj.template,
            notes=obj.notes,
        )
        obj.pk, obj.digest = made.pk, made.digest

    @admin.action(description="Publish: usable from now on, and never changed again")
    def publish(self, request: HttpRequest, queryset: QuerySet[BlueprintVersion]) -> None:
        for version in queryset.select_related("blueprint"):
            services.publish_version(self.actor(request), version)
            self.message_user(request, f"{version} is published.")


@admin.register(Limit)
class LimitAdmin(AuditedAdmin):
    """What projects and teams may have."""

    view_permission = "limit.view"
    add_permission = change_permission = delete_permission = "limit.manage"
    list_display = ("name", "scope", "team", "tier", "max_environments", "max_lifetime_days")
    list_select_related = ("scope__project_scope", "team")
    search_fields = ("name",)

    def perform_add(self, request: HttpRequest, obj: Limit, form: Any) -> None:
        services.save_limit(self.actor(request), obj)

    def perform_change(self, request: HttpRequest, obj: Limit, form: Any) -> None:
        services.save_limit(self.actor(request), obj)

    def perform_delete(self, request: HttpRequest, obj: Limit) -> None:
        services.remove_limit(self.actor(request), obj)


@admin.register(Environment)
class EnvironmentAdmin(AuditedAdmin):
    """To look at, and to compare what database, git, cluster and account say."""

    view_permission = "environment.view"
    list_display = ("__str__", "tier", "state", "blueprint_version", "expires_at", "created_at")
    list_filter = ("state", "tier")
    search_fields = ("name", "project__name")
    list_select_related = ("project", "blueprint_version__blueprint")
    actions: ClassVar[tuple[str, ...]] = ("compare",)

    @admin.action(description="Compare database, git, cluster and account")
    def compare(self, request: HttpRequest, queryset: QuerySet[Environment]) -> None:
        related = queryset.select_related(
            "project", "application__cluster", "application__account", "scope"
        )
        for environment in related[:20]:
            try:
                found = orphans(environment)
            except BackendError as error:
                self.message_user(request, f"{environment}: {error.message}", messages.ERROR)
                continue
            for one in found:
                self.message_user(request, f"{environment}: {one.sentence}", messages.WARNING)
            if not found:
                self.message_user(request, f"{environment}: all four agree.")


@admin.register(EnvironmentGrant)
class EnvironmentGrantAdmin(ObjectGrantAdmin):
    """Environments shared with one person."""
