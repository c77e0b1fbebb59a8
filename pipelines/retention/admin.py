"""How long pipelines are kept, in the admin site: to look at; the page and REST change it."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import VIEW
from pipelines.retention.models import Retention
from rbac.admin import AuditedAdmin


@admin.register(Retention)
class RetentionAdmin(AuditedAdmin):
    view_permission = VIEW
    list_display = ("project", "days", "changed_by", "changed_at")
    search_fields = ("project__name",)
    list_select_related = ("project__scope",)
