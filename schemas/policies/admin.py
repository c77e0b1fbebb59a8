"""The admin site's policies: by the services, as everywhere else; the editor previews them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from rbac.admin import AuditedAdmin
from schemas.permissions import POLICY_MANAGE, POLICY_VIEW
from schemas.policies import services
from schemas.policies.models import SchemaPolicy


@admin.register(SchemaPolicy)
class PolicyAdmin(AuditedAdmin):
    """A policy; its rules are JSON here, judged as by REST."""

    view_permission = POLICY_VIEW
    add_permission = change_permission = delete_permission = POLICY_MANAGE
    list_display = ("name", "scope", "team", "tier", "mode", "changed_at")
    list_filter = ("mode", "tier")
    search_fields = ("name", "description")
    list_select_related = ("scope__project_scope", "team")
    fields = ("name", "scope", "team", "tier", "mode", "description", "rules")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name", "scope") if obj else ()

    def perform_add(self, request: HttpRequest, obj: SchemaPolicy, form: Any) -> None:
        given = {name: form.cleaned_data[name] for name in self.fields}
        row = services.add_policy(self.actor(request), **given)
        obj.pk = row.pk

    def perform_change(self, request: HttpRequest, obj: SchemaPolicy, form: Any) -> None:
        former = SchemaPolicy.objects.select_related("scope", "team").get(pk=obj.pk)
        given = {name: form.cleaned_data[name] for name in services.FIELDS}
        services.change_policy(self.actor(request), former, **given)

    def perform_delete(self, request: HttpRequest, obj: SchemaPolicy) -> None:
        services.remove_policy(self.actor(request), obj)
