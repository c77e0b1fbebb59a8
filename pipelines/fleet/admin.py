"""The admin site shows agents without their tokens; pages and REST write them."""

from __future__ import annotations

from django.contrib import admin

from pipelines.fleet.models import Agent
from pipelines.permissions import VIEW
from rbac.admin import AuditedAdmin


@admin.register(Agent)
class AgentAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("name", "kind", "project", "paused", "version", "seen_at")
    list_filter = ("kind", "paused")
    search_fields = ("name", "description")
    list_select_related = ("project__scope",)
    exclude = ("prefix", "digest", "next_digest", "old_digest", "instance", "waiting")
