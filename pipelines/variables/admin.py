"""The admin site lists variables without their values; pages and REST write them."""

from __future__ import annotations

from django.contrib import admin

from pipelines.permissions import MANAGE
from pipelines.variables.models import Variable
from rbac.admin import AuditedAdmin


@admin.register(Variable)
class VariableAdmin(AuditedAdmin):
    view_permission = MANAGE
    list_display = ("name", "project", "environment", "masked", "hidden", "changed_at")
    list_filter = ("protected", "masked", "hidden", "is_file")
    search_fields = ("name", "environment")
    list_select_related = ("project__scope",)
    exclude = ("value",)
