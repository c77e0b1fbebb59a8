"""System checks of access, each with an id and a hint."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, register

from rbac import permissions

BACKEND = "rbac.backends.ScopedBackend"


@register("security")
def check_backend(**_: Any) -> list[Error]:
    """Only our backend answers `has_perm`: another would know neither scopes, ends nor tokens."""
    if settings.AUTHENTICATION_BACKENDS == [BACKEND]:
        return []
    return [
        Error(
            "AUTHENTICATION_BACKENDS names other backends than rbac's.",
            hint=f"Set it to [{BACKEND!r}]; it also answers for django-guardian's grants.",
            id="rbac.E001",
        )
    ]


@register("models")
def check_views_of_permissions(**_: Any) -> list[Error]:
    """Every permission's `view` is a registered permission, else nothing would ever be visible."""
    names = {entry.name for entry in permissions.all_permissions()}
    return [
        Error(
            f"Permission {entry.name} is seen by {entry.view}, which no app registers.",
            hint="Name a registered permission as view=…, or leave it out.",
            id="rbac.E002",
        )
        for entry in permissions.all_permissions()
        if entry.view and entry.view not in names
    ]
