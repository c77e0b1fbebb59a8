"""Grants on single objects ("share this environment with her"), kept by django-guardian.

Upper apps subclass `ObjectGrant` with a foreign key `content_object` to a model that is one-to-one
with its scope. Each row then counts as a grant at that scope, so `decide` and `visible` need no
second rule. Only `rbac` imports guardian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission as AuthPermission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from guardian.models import UserObjectPermissionBase
from guardian.shortcuts import assign_perm, remove_perm


class ObjectGrant(UserObjectPermissionBase):
    """One permission of one person on one object; subclasses add `content_object`."""

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True


@dataclass(frozen=True)
class GrantRow:
    permission: str
    scope_id: int
    label: str


@cache
def tables() -> tuple[type[models.Model], ...]:
    """Every concrete grant table of the installed apps."""
    return tuple(model for model in apps.get_models() if issubclass(model, ObjectGrant))


def rows_of(user_id: int) -> Iterator[GrantRow]:
    """A person's grants on single objects: one query a table."""
    for table in tables():
        rows = table._default_manager.filter(user=user_id).select_related(
            "permission", "content_object__scope__project_scope"
        )
        for row in rows:
            scope = row.content_object.scope  # type: ignore[attr-defined]  # as the docstring asks
            yield GrantRow(row.permission.codename, scope.pk, scope.label)  # type: ignore[attr-defined]  # guardian's field


def target_of(table: type[models.Model]) -> type[models.Model]:
    """The model whose objects a grant table shares."""
    model: Any = table._meta.get_field("content_object").related_model
    return model  # type: ignore[no-any-return]  # Django types it as a union with "self"


def grantable(names: list[str]) -> Iterator[tuple[type[models.Model], str]]:
    """(model, permission) for each of our permissions that may be granted on a single object."""
    for table in tables():
        model = target_of(table)
        for name in names:
            if name.partition(".")[0] == model._meta.model_name:
                yield model, name


def sync(names: list[str]) -> None:
    """Make the rows of Django's permission table that guardian's foreign key needs."""
    for model, name in grantable(names):
        AuthPermission.objects.get_or_create(
            content_type=ContentType.objects.get_for_model(model),
            codename=name,
            defaults={"name": name},
        )


def assign(permission: str, user: models.Model, obj: models.Model) -> None:
    """Write one grant; the caller has decided, audits, and bumps the epoch."""
    assign_perm(f"{obj._meta.app_label}.{permission}", user, obj)


def remove(permission: str, user: models.Model, obj: models.Model) -> None:
    remove_perm(f"{obj._meta.app_label}.{permission}", user, obj)
