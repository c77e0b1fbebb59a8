"""Releases in the admin site: to look at."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import VIEW
from pipelines.releases.models import Release
from rbac.admin import AuditedAdmin


@admin.register(Release)
class ReleaseAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("tag", "project", "name", "released_at", "actor_label")
    search_fields = ("tag", "name")
    list_select_related = ("project",)
    exclude = ("pipeline",)
