"""The admin site's imports: looked at and forgotten, by the services; begun by page and REST."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from rbac.admin import AuditedAdmin
from schemas.permissions import CONFIGURE
from schemas.transfer import services
from schemas.transfer.models import ImportRun


@admin.register(ImportRun)
class ImportRunAdmin(AuditedAdmin):
    """An import without the secret that its source asks for."""

    view_permission = delete_permission = CONFIGURE
    list_display = ("__str__", "project", "kind", "state", "actor_label", "created_at")
    list_filter = ("state", "kind")
    search_fields = ("source", "project__name")
    list_select_related = ("project",)
    fields = (
        "project", "kind", "source", "user_name", "prefix", "into", "deleted", "with_settings",
        "rules", "state", "reason", "fix", "notes", "actor_label", "created_at", "started_at",
        "finished_at",
    )  # fmt: skip

    def perform_delete(self, request: HttpRequest, obj: ImportRun) -> None:
        services.forget(self.actor(request), obj)
