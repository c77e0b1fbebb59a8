"""Bump the epoch whenever a row that decides about access changes, whoever changes it.

Cascades and Django's admin delete rows without passing a service; these receivers see them too.
Bulk updates send no signals: services that use them bump by themselves.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.signals import post_delete, post_save

from rbac import epoch, objectgrants
from rbac.models import Membership, Role, RoleBinding


def _bump(**_: Any) -> None:
    epoch.bump()


def connect() -> None:
    """Called once, from registrations."""
    watched: tuple[type[Model], ...] = (RoleBinding, Membership, Role, *objectgrants.tables())
    for model in watched:
        uid = f"rbac.epoch.{model._meta.label}"
        post_save.connect(_bump, sender=model, dispatch_uid=uid, weak=False)
        post_delete.connect(_bump, sender=model, dispatch_uid=uid, weak=False)
