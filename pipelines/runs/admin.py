"""Pipelines and jobs in the admin site: to look at."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import VIEW
from pipelines.runs.models import Job, Pipeline
from rbac.admin import AuditedAdmin


@admin.register(Pipeline)
class PipelineAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("__str__", "status", "ref", "source", "actor_label", "created_at")
    list_filter = ("status", "source")
    search_fields = ("title", "ref", "sha")
    list_select_related = ("project",)
    exclude = ("given", "inputs", "token", "lease_token")


@admin.register(Job)
class JobAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("name", "pipeline", "stage", "status", "failure", "runs")
    list_filter = ("status",)
    search_fields = ("name",)
    list_select_related = ("pipeline__project",)
    exclude = ("work",)
