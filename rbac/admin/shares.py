"""Admin pages of single-object grants, one row a permission; each write is a share's service."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import Permission as AuthPermission
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

from rbac import objectgrants, services
from rbac.admin.base import AuditedAdmin
from rbac.models import ProjectGrant


class ObjectGrantAdmin(AuditedAdmin):
    """Base of an app's grants: add one permission, move the end, take one away."""

    view_permission = "access.view"
    add_permission = change_permission = delete_permission = "access.grant"
    list_display: ClassVar[Any] = ["content_object", "user", "permission", "ends_at"]
    list_select_related: ClassVar[Any] = ["user", "permission"]
    search_fields: ClassVar[Any] = ["user__username"]
    fields: ClassVar[Any] = ["content_object", "user", "permission", "ends_at"]
    autocomplete_fields: ClassVar[Any] = ["content_object", "user"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["content_object", "user", "permission"] if obj else []

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **more: Any) -> Any:
        if db_field.name == "permission":
            kind = ContentType.objects.get_for_model(objectgrants.target_of(self.model))
            names = [name for _, name in objectgrants.grantable(_names(kind))]
            more["queryset"] = AuthPermission.objects.filter(content_type=kind, codename__in=names)
        return super().formfield_for_foreignkey(db_field, request, **more)

    def _share(self, request: HttpRequest, obj: Any, held: set[str]) -> None:
        services.share(
            self.actor(request),
            permissions=sorted(held),
            user=obj.user,
            obj=obj.content_object,
            ends_at=obj.ends_at,
        )

    def perform_add(self, request: HttpRequest, obj: Any, form: Any) -> None:
        self._share(request, obj, {*_held(obj), obj.permission.codename})
        made = objectgrants.grants_on(obj.content_object).get(
            user=obj.user, permission=obj.permission
        )
        obj.pk = made.pk
        obj._state.adding = False  # noqa: SLF001  # Django documents it for exactly this

    def perform_change(self, request: HttpRequest, obj: Any, form: Any) -> None:
        self._share(request, obj, _held(obj))

    def perform_delete(self, request: HttpRequest, obj: Any) -> None:
        held, name = _held(obj), obj.permission.codename
        if name in held and name not in obj.always:
            self._share(request, obj, held - {name})
        elif held:  # seeing it is what a share begins with; without it nothing is left
            services.unshare(self.actor(request), user=obj.user, obj=obj.content_object)


def _names(kind: ContentType) -> list[str]:
    return list(AuthPermission.objects.filter(content_type=kind).values_list("codename", flat=True))


def _held(obj: Any) -> set[str]:
    rows = objectgrants.grants_on(obj.content_object).filter(user=obj.user)
    return set(rows.values_list("permission__codename", flat=True))


@admin.register(ProjectGrant)
class ProjectGrantAdmin(ObjectGrantAdmin):
    """Projects shared with one person."""
