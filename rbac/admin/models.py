"""Admin pages of people, teams, projects, roles, bindings, tokens and the audit trail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as _  # noqa: F401  # registers Group, which goes below
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from rbac import audit, services
from rbac.access import require
from rbac.admin.base import AuditedAdmin
from rbac.forms import permission_choices
from rbac.models import (
    ApiToken,
    AuditRecord,
    Invitation,
    Membership,
    Project,
    Role,
    RoleBinding,
    ServiceAccount,
    Team,
    User,
)
from rbac.places import root
from rbac.services.bindings import require_no_more
from rbac.services.lastone import keep_an_administrator

admin.site.unregister(Group)  # teams and roles take its place


def _became(obj: Model, made: Model) -> None:
    """Let the admin's instance stand for the row that a service made."""
    obj.pk = made.pk
    obj._state.adding = False  # noqa: SLF001  # Django documents it for exactly this
    obj.refresh_from_db()


@admin.register(User)
class UserAdmin(AuditedAdmin):
    """People are invited, not added; shutting out ends sessions and tokens."""

    view_permission = "user.view"
    change_permission = "user.manage"
    list_display = ["username", "email", "is_active", "last_login"]
    list_filter = ["is_active"]
    search_fields = ["username", "email", "first_name", "last_name"]
    fields = ["username", "first_name", "last_name", "email", "is_active", "last_login"]
    readonly_fields = ["username", "last_login"]
    secret_fields = ("password",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return admin.ModelAdmin.get_queryset(self, request).filter(service_account=None)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.view_permission, None)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.change_permission, None)

    def perform_change(self, request: HttpRequest, obj: User, form: Any) -> None:
        actor = self.actor(request)
        require(actor, self.change_permission, None)
        former = User.objects.get(pk=obj.pk)
        if obj.is_active != former.is_active:
            act = services.reactivate_user if obj.is_active else services.deactivate_user
            act(actor, obj)
        names = [name for name in ("first_name", "last_name", "email") if name in form.changed_data]
        if names:
            obj.save(update_fields=names)
            if "email" in names:
                services.tell_old_address(obj, former.email, obj.email)
            before, after = self.facts(former), self.facts(obj)
            audit.record(
                actor,
                "user.update",
                target=obj,
                before={name: before[name] for name in names},
                after={name: after[name] for name in names},
            )


class MembershipInline(TabularInline):  # type: ignore[misc]  # unfold has no stubs
    model = Membership
    extra = 0
    fields = ["user", "lead"]
    autocomplete_fields = ["user"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return TeamAdmin(Team, admin.site).has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_add_permission(request)


@admin.register(Team)
class TeamAdmin(AuditedAdmin):
    view_permission = "team.view"
    add_permission = change_permission = delete_permission = "team.manage"
    list_display = ["name", "title"]
    search_fields = ["name", "title"]
    inlines = [MembershipInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def perform_add(self, request: HttpRequest, obj: Team, form: Any) -> None:
        _became(obj, services.create_team(self.actor(request), name=obj.name, title=obj.title))

    def perform_change(self, request: HttpRequest, obj: Team, form: Any) -> None:
        if form.changed_data:
            services.update_team(self.actor(request), obj, title=obj.title)

    def perform_delete(self, request: HttpRequest, obj: Team) -> None:
        services.delete_team(self.actor(request), obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        rows = formset.save(commit=False)
        for row in formset.deleted_objects:
            services.remove_member(self.actor(request), row.team, row.user)
        for row in rows:
            made = services.add_member(self.actor(request), row.team, row.user, lead=row.lead)
            row.pk = made.pk


@admin.register(Project)
class ProjectAdmin(AuditedAdmin):
    view_permission = "project.view"
    add_permission = "project.create"
    change_permission = "project.manage"
    list_display = ["name", "title", "team", "created_at"]
    search_fields = ["name", "title"]
    fields = ["name", "title", "team"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def perform_add(self, request: HttpRequest, obj: Project, form: Any) -> None:
        made = services.create_project(self.actor(request), obj.name, obj.title, obj.team)
        _became(obj, made)

    def perform_change(self, request: HttpRequest, obj: Project, form: Any) -> None:
        former = Project.objects.select_related("team", "scope").get(pk=obj.pk)
        services.update_project(self.actor(request), former, title=obj.title, team=obj.team)


class RoleForm(forms.ModelForm):
    permissions = forms.MultipleChoiceField(
        choices=permission_choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    class Meta:
        model = Role
        fields = ["name", "description", "permissions"]


@admin.register(Role)
class RoleAdmin(AuditedAdmin):
    """Permissions as checkboxes; the built-in roles follow the release and stay as they are."""

    view_permission = "role.view"
    add_permission = change_permission = delete_permission = "role.manage"
    form = RoleForm
    list_display = ["name", "description", "builtin"]
    search_fields = ["name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["name"] if obj else []

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.builtin) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj and obj.builtin) and super().has_delete_permission(request, obj)

    def perform_add(self, request: HttpRequest, obj: Role, form: Any) -> None:
        made = services.create_role(
            self.actor(request),
            name=obj.name,
            permissions=form.cleaned_data["permissions"],
            description=obj.description,
        )
        _became(obj, made)

    def perform_change(self, request: HttpRequest, obj: Role, form: Any) -> None:
        services.update_role(
            self.actor(request),
            Role.objects.get(pk=obj.pk),
            permissions=form.cleaned_data["permissions"],
            description=obj.description,
        )

    def perform_delete(self, request: HttpRequest, obj: Role) -> None:
        services.delete_role(self.actor(request), obj)


@admin.register(RoleBinding)
class RoleBindingAdmin(AuditedAdmin):
    """Grants and revokes; who, what and where of a binding stay, its end and reason may change."""

    view_permission = "access.view"
    add_permission = change_permission = delete_permission = "access.grant"
    list_display = ["role", "user", "team", "scope", "ends_at", "reason"]
    list_filter = ["role"]
    search_fields = ["user__username", "team__name", "reason"]
    list_select_related = ["role", "user", "team", "scope__project_scope"]
    fields = ["role", "scope", "user", "team", "ends_at", "reason"]
    autocomplete_fields = ["user", "team"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["role", "scope", "user", "team"] if obj else []

    def perform_add(self, request: HttpRequest, obj: RoleBinding, form: Any) -> None:
        made = services.bind_role(
            self.actor(request),
            role=obj.role,
            scope=obj.scope,
            user=obj.user,
            team=obj.team,
            ends_at=obj.ends_at,
            reason=obj.reason,
        )
        _became(obj, made)

    def perform_change(self, request: HttpRequest, obj: RoleBinding, form: Any) -> None:
        what = f"The role {obj.role.name}"
        require_no_more(self.actor(request), obj.role.permissions, obj.scope, what)
        with keep_an_administrator():
            super().perform_change(request, obj, form)

    def perform_delete(self, request: HttpRequest, obj: RoleBinding) -> None:
        services.unbind_role(self.actor(request), obj)


@admin.register(ServiceAccount)
class ServiceAccountAdmin(AuditedAdmin):
    """Made on the access page, where its token is shown; removed here or there."""

    view_permission = "service-account.view"
    delete_permission = "service-account.manage"
    list_display = ["user", "project", "description"]
    search_fields = ["user__username"]

    def perform_delete(self, request: HttpRequest, obj: ServiceAccount) -> None:
        services.delete_service_account(self.actor(request), obj)


@admin.register(ApiToken)
class TokenAdmin(AuditedAdmin):
    """Tokens of everybody, without their digests; deleting revokes."""

    view_permission = delete_permission = "token.manage"
    list_display = ["name", "user", "prefix", "expires_at", "last_used_at", "revoked_at"]
    search_fields = ["name", "prefix", "user__username"]
    exclude = ["digest"]
    secret_fields = ("digest",)

    def perform_delete(self, request: HttpRequest, obj: ApiToken) -> None:
        services.revoke_token(self.actor(request), obj)


@admin.register(Invitation)
class InvitationAdmin(AuditedAdmin):
    """Open invitations; deleting one makes its link worthless."""

    view_permission = delete_permission = "user.manage"
    list_display = ["email", "team", "role", "scope", "invited_by", "expires_at", "accepted_at"]
    exclude = ["digest"]
    secret_fields = ("digest",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = admin.ModelAdmin.get_queryset(self, request)
        return rows if self._may(request, self.view_permission, None) else rows.none()

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.view_permission, None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._may(request, self.delete_permission, None)

    def perform_delete(self, request: HttpRequest, obj: Invitation) -> None:
        actor = self.actor(request)
        require(actor, self.delete_permission, root())
        audit.record(actor, "user.withdraw-invitation", target=obj, before=self.facts(obj))
        obj.delete()


@admin.register(AuditRecord)
class AuditRecordAdmin(AuditedAdmin):
    """Read-only for everybody."""

    view_permission = "audit.view"
    list_display = ["at", "actor_label", "action", "target_label", "outcome", "sequence"]
    list_filter = ["outcome"]
    search_fields = ["actor_label", "action", "target_label"]
    show_full_result_count = False
