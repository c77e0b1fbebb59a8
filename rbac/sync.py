"""After each migration: the root scope, the epoch's row and the built-in roles as registered."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from rbac import appendonly, epoch, objectgrants, permissions
from rbac.models import AccessEpoch, Role
from rbac.places import root


def sync(**_: Any) -> None:
    """Receiver of `post_migrate`; idempotent."""
    root()
    AccessEpoch.objects.get_or_create(pk=1)
    changed = False
    for name, description in permissions.BUILTIN_ROLES.items():
        wanted = {
            "description": description,
            "permissions": permissions.builtin_permissions(name),
            "builtin": True,
        }
        role, made = Role.objects.get_or_create(name=name, defaults=wanted)
        if made or any(getattr(role, key) != value for key, value in wanted.items()):
            Role.objects.filter(pk=role.pk).update(**wanted)
            changed = True
    objectgrants.sync([entry.name for entry in permissions.all_permissions()])
    if changed:
        epoch.bump()
    if settings.AUDIT_APPEND_ONLY:
        appendonly.install()
