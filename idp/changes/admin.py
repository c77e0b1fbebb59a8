"""The admin site: approval rules to edit, freezes, waivers and changes to look at.

Every permission is asked of `decide`; writes go through the services, and so into the audit trail.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from idp.changes import services
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from idp.changes.services.rules import check_rule
from idp.common.errors import Invalid
from rbac.admin import AuditedAdmin


class RuleForm(forms.ModelForm):
    class Meta:
        model = ApprovalRule
        fields = ("name", "scope", "condition", "needed", "active")

    def clean(self) -> dict[str, Any]:
        """Judge the rule as the service will, so that its errors stand beside the fields."""
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                check_rule(ApprovalRule(**cleaned))
            except Invalid as error:
                for found in error.errors:
                    self.add_error(found.field, f"{found.message} {found.fix}".strip())
        return cleaned


@admin.register(ApprovalRule)
class ApprovalRuleAdmin(AuditedAdmin):
    view_permission = "gate.view"
    add_permission = change_permission = delete_permission = "gate.manage"
    form = RuleForm
    list_display = ("name", "scope", "condition", "needed", "active")
    list_select_related = ("scope__project_scope",)
    search_fields = ("name",)

    def perform_add(self, request: HttpRequest, obj: Any, form: Any) -> None:
        services.save_rule(self.actor(request), obj)

    def perform_change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        services.save_rule(self.actor(request), obj)

    def perform_delete(self, request: HttpRequest, obj: Any) -> None:
        services.delete_rule(self.actor(request), obj)


@admin.register(Freeze)
class FreezeAdmin(AuditedAdmin):
    """Freezes are made and lifted on their page, which asks for the reason."""

    view_permission = "freeze.view"
    list_display = ("scope", "reason", "author", "starts_at", "ends_at", "lifted_at")
    list_select_related = ("scope__project_scope", "author")


@admin.register(Waiver)
class WaiverAdmin(AuditedAdmin):
    """Waivers are asked for on a plan and granted in the inbox, by two people."""

    view_permission = "gate.view"
    list_display = ("gate", "scope", "author", "approver", "ends_at", "revoked_at")
    list_select_related = ("scope__project_scope", "author", "approver")


@admin.register(Change)
class ChangeAdmin(AuditedAdmin):
    """Changes are evidence: read-only for everybody."""

    view_permission = "change.view"
    list_display = ("id", "title", "scope", "actor_label", "state", "created_at")
    list_select_related = ("scope__project_scope",)
    list_filter = ("state", "origin")
    search_fields = ("title", "actor_label")
