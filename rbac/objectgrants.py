"""Grants on single objects ("share this environment with her"), kept by django-guardian.

Upper apps subclass `ObjectGrant` with a foreign key `content_object` to a model that is one-to-one
with its scope. Each row then counts as a grant at that scope, so `decide` and `visible` need no
second rule. Only `rbac` imports guardian.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from django.apps import apps
from django.contrib.auth.models import Permission as AuthPermission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from guardian.models import UserObjectPermissionBase
from guardian.shortcuts import assign_perm


class ObjectGrant(UserObjectPermissionBase):
    """One permission of one person on one object; subclasses add `content_object`.

    All that a person holds on one object is one share: it is given, changed and ended as a whole.
    """

    scope_lookup: ClassVar[str | None] = "content_object__scope"
    nouns: ClassVar[tuple[str, ...]] = ()  # whose permissions may be shared
    always: ClassVar[tuple[str, ...]] = ()  # permissions that come with every share

    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta(UserObjectPermissionBase.Meta):
        abstract = True

    def __str__(self) -> str:
        return f"{self.permission.codename} for {self.user} on {self.content_object}"  # type: ignore[attr-defined]  # guardian has no stubs; subclasses add the object


@dataclass(frozen=True)
class GrantRow:
    """What one person holds on one object until one moment."""

    permissions: frozenset[str]
    scope: Any  # rbac.models.Scope, which imports this module
    ends_at: datetime | None


@cache
def tables() -> tuple[type[ObjectGrant], ...]:
    """Every concrete grant table of the installed apps."""
    return tuple(model for model in apps.get_models() if issubclass(model, ObjectGrant))


def alive() -> models.Q:
    """Condition on rows that have not ended."""
    return models.Q(ends_at=None) | models.Q(ends_at__gt=timezone.now())


def rows_of(user_id: int) -> Iterator[GrantRow]:
    """A person's grants on single objects: one query a table."""
    for table in tables():
        rows = table._default_manager.filter(user=user_id).select_related(
            "permission", "content_object__scope__project_scope"
        )
        shares: dict[tuple[int, datetime | None], list[Any]] = {}
        for row in rows:
            found: Any = row
            shares.setdefault((found.content_object_id, found.ends_at), []).append(found)
        for (_, ends_at), parts in shares.items():
            names = frozenset(part.permission.codename for part in parts)
            yield GrantRow(names, parts[0].content_object.scope, ends_at)


def holders(permission: str, scopes: Iterable[int]) -> set[int]:
    """Ids of the users who hold a permission on an object at one of these scopes, by a share."""
    found: set[int] = set()
    for table in tables():
        manager: Any = table._default_manager  # whose object only subclasses name
        rows = manager.filter(
            alive(), permission__codename=permission, content_object__scope__in=sorted(scopes)
        )
        found.update(rows.values_list("user", flat=True))
    return found


def table_of(obj: models.Model) -> type[ObjectGrant] | None:
    """The table that shares objects like this one; None where nothing does."""
    return next((table for table in tables() if target_of(table) is type(obj)), None)


def grants_on(obj: models.Model) -> models.QuerySet[Any]:
    """The rows of an object's shares, by person; none where its like is not shared."""
    table = table_of(obj)
    if table is None:
        raise TypeError(f"No table shares a {type(obj).__name__}.")
    by_object: dict[str, Any] = {"content_object": obj.pk}  # which only subclasses name
    rows = table._default_manager.filter(**by_object).select_related("permission", "user")
    return rows.order_by("user__username", "permission__codename")


def target_of(table: type[models.Model]) -> type[models.Model]:
    """The model whose objects a grant table shares."""
    model: Any = table._meta.get_field("content_object").related_model
    return model  # type: ignore[no-any-return]  # Django types it as a union with "self"


def grantable(names: Iterable[str]) -> Iterator[tuple[type[models.Model], str]]:
    """(model, permission) for each of our permissions that may be granted on a single object."""
    for table in tables():
        for name in names:
            if name.partition(".")[0] in table.nouns:
                yield target_of(table), name


def sync(names: list[str]) -> None:
    """Make the rows of Django's permission table that guardian's foreign key needs."""
    for model, name in grantable(names):
        AuthPermission.objects.get_or_create(
            content_type=ContentType.objects.get_for_model(model),
            codename=name,
            defaults={"name": name},
        )


def assign(permissions: Iterable[str], user: models.Model, obj: models.Model, end: Any) -> None:
    """Make these a person's share of an object until `end`, in place of what was shared before.

    The caller has decided, audits, and bumps the epoch.
    """
    names = set(permissions)
    rows = grants_on(obj).filter(user=user)
    for row in rows.exclude(permission__codename__in=names):
        row.delete()
    for name in sorted(names):
        assign_perm(f"{obj._meta.app_label}.{name}", user, obj)
    rows.update(ends_at=end)
