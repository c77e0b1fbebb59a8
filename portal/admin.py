"""The admin site's view of the catalog: to look and search; changes go by page, REST or git."""

from django.contrib import admin

from portal.models import Component
from rbac.admin import AuditedAdmin


@admin.register(Component)
class ComponentAdmin(AuditedAdmin):
    view_permission = "component.view"
    list_display = ("name", "type", "lifecycle", "owner", "project", "source")
    list_filter = ("lifecycle", "type", "owner", "project")
    search_fields = ("name", "title", "description")
