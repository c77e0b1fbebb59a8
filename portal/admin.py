"""The admin site's view of the catalog: to look and search; changes go by page, REST or git."""

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from portal.models import Component


@admin.register(Component)
class ComponentAdmin(ModelAdmin):
    list_display = ("name", "type", "lifecycle", "owner", "project", "source")
    list_filter = ("lifecycle", "type", "owner", "project")
    search_fields = ("name", "title", "description")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Component | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Component | None = None) -> bool:
        return False
