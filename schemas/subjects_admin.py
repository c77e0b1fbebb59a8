"""The admin site's contexts and subjects: settings of whole contexts, and subjects to look at.

Subjects are described, set and deleted on their pages and by REST, where what depends on them is
shown beside.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from rbac.admin import AuditedAdmin
from schemas import services
from schemas.models import Context, Subject
from schemas.naming import SubjectName
from schemas.permissions import CONFIGURE_REGISTRY, VIEW


@admin.register(Context)
class ContextAdmin(AuditedAdmin):
    """A context's settings; what is empty is asked of the registry, the context above all."""

    view_permission = change_permission = CONFIGURE_REGISTRY
    list_display = ("name", "level", "policy", "mode", "normalize")
    search_fields = ("name",)
    fields = ("name", "level", "policy", "mode", "normalize")
    readonly_fields = ("name",)

    def perform_change(self, request: HttpRequest, obj: Context, form: Any) -> None:
        actor, name = self.actor(request), SubjectName(obj.name, "")
        given = {field: form.cleaned_data[field] for field in ("level", "policy", "normalize")}
        services.set_settings(actor, name, given)
        if "mode" in form.changed_data and obj.mode:
            services.set_mode(actor, name, obj.mode)
        elif "mode" in form.changed_data:
            services.clear_mode(actor, name)


@admin.register(Subject)
class SubjectAdmin(AuditedAdmin):
    """A subject with what is said of it and set for it."""

    view_permission = VIEW
    list_display = ("__str__", "format", "latest", "state", "owner", "project")
    list_filter = ("format", "state")
    search_fields = ("name", "component", "project__name")
    list_select_related = ("context", "owner", "project")
    fields = (
        *("name", "context", "project", "owner", "component", "format", "state", "sunset_on"),
        *("latest", "last_version", "level", "policy", "mode", "normalize"),
        *("docs", "contact", "tags", "created_at", "created_by", "deleted_at"),
    )
