"""The admin site shows reports, tests and quarantines; they are written by uploads and pages."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import VIEW
from pipelines.reports.models import Quarantine, Report, TestCase
from rbac.admin import AuditedAdmin


class ReadOnlyAdmin(AuditedAdmin):
    view_permission = VIEW


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    list_display = ("kind", "project", "component", "commit", "ref", "created_at")
    list_filter = ("kind",)
    search_fields = ("commit", "ref")
    list_select_related = ("project__scope", "component")
    exclude = ("payload",)


@admin.register(TestCase)
class TestCaseAdmin(ReadOnlyAdmin):
    list_display = ("name", "classname", "project", "component", "outcome", "last_seen")
    list_filter = ("outcome",)
    search_fields = ("name", "classname", "file")
    list_select_related = ("project__scope", "component")


@admin.register(Quarantine)
class QuarantineAdmin(ReadOnlyAdmin):
    list_display = ("case", "owner", "ends_at", "ended_at", "created_by")
    list_select_related = ("case__project__scope", "owner", "created_by")
