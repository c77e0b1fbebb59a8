"""Environments of jobs in the admin site: to look at."""

from __future__ import annotations

from django.contrib import admin

from pipelines.environs.models import JobEnvironment
from pipelines.permissions import VIEW
from rbac.admin import AuditedAdmin


@admin.register(JobEnvironment)
class JobEnvironmentAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("name", "project", "tier", "state", "auto_stop_at")
    list_filter = ("state",)
    search_fields = ("name",)
    list_select_related = ("project",)
    exclude = ("job", "wanted_by")
