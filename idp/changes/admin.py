"""The admin site: approval rules to edit, freezes, waivers and changes to look at.

Every permission is asked of `decide`; writes go through the services, and so into the audit trail.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from idp.changes import services
from idp.changes.models import ApprovalRule, Change, Freeze, Waiver
from idp.changes.services.rules import check_rule
from idp.common.errors import Invalid
from rbac.access import can, held_anywhere, visible
from rbac.requests import actor_of


class DecidedAdmin(ModelAdmin):  # type: ignore[misc]  # unfold ships no types
    """Shows the rows that `decide` shows, and refuses what it refuses."""

    view_permission: ClassVar[str] = ""
    edit_permission: ClassVar[str] = ""  # empty: nobody edits it here

    def _may(self, request: HttpRequest, permission: str, obj: Model | None) -> bool:
        actor = actor_of(request)
        if not permission:
            return False
        return can(actor, permission, obj) if obj else held_anywhere(actor, permission)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(actor_of(request), self.view_permission, super().get_queryset(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.view_permission, None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_permission, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.edit_permission, None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.edit_permission, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.edit_permission, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # one by one, so that each is decided and recorded
        return dict(actions)


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
class ApprovalRuleAdmin(DecidedAdmin):
    view_permission = "gate.view"
    edit_permission = "gate.manage"
    form = RuleForm
    list_display = ("name", "scope", "condition", "needed", "active")
    list_select_related = ("scope__project_scope",)
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        services.save_rule(actor_of(request), obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        services.delete_rule(actor_of(request), obj)


@admin.register(Freeze)
class FreezeAdmin(DecidedAdmin):
    """Freezes are made and lifted on their page, which asks for the reason."""

    view_permission = "freeze.view"
    list_display = ("scope", "reason", "author", "starts_at", "ends_at", "lifted_at")
    list_select_related = ("scope__project_scope", "author")


@admin.register(Waiver)
class WaiverAdmin(DecidedAdmin):
    """Waivers are asked for on a plan and granted in the inbox, by two people."""

    view_permission = "gate.view"
    list_display = ("gate", "scope", "author", "approver", "ends_at", "revoked_at")
    list_select_related = ("scope__project_scope", "author", "approver")


@admin.register(Change)
class ChangeAdmin(DecidedAdmin):
    """Changes are evidence: read-only for everybody."""

    view_permission = "change.view"
    list_display = ("id", "title", "scope", "actor_label", "state", "created_at")
    list_select_related = ("scope__project_scope",)
    list_filter = ("state", "origin")
    search_fields = ("title", "actor_label")
