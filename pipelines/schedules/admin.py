"""The admin site shows schedules without their variables; pages and REST write them."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import VIEW
from pipelines.schedules.models import Schedule
from rbac.admin import AuditedAdmin


@admin.register(Schedule)
class ScheduleAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("description", "project", "cron", "timezone", "active", "next_run_at", "owner")
    list_filter = ("active",)
    search_fields = ("description", "ref")
    list_select_related = ("project__scope", "owner")
    exclude = ("variables",)
