"""Custom roles: named sets of registered permissions. Built-in roles follow the code."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from idp.common.errors import Refusal
from rbac import audit
from rbac import permissions as registry
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Role
from rbac.services.bindings import require_no_more
from rbac.services.writing import refuse, save_new


def _checked(permissions: Sequence[str]) -> list[str]:
    unknown = sorted({name for name in permissions if registry.get(name) is None})
    if unknown:
        raise refuse("permissions", "known", f"There is no permission {', '.join(unknown[:5])}.")
    if not permissions:
        raise refuse("permissions", "required", "A role without permissions gives nothing.")
    return sorted(set(permissions))


@transaction.atomic
def create_role(
    actor: Actor, *, name: str, permissions: Sequence[str], description: str = ""
) -> Role:
    """Make a custom role of permissions that the actor holds."""
    require(actor, "role.manage", None)
    role = Role(name=name, description=description, permissions=_checked(permissions))
    require_no_more(actor, role.permissions, None, f"The role {name}")
    save_new(role, f"A role {name}")
    after = {"name": name, "permissions": role.permissions, "description": description}
    audit.record(actor, "role.create", target=role, after=after)
    return role


def _require_custom(role: Role) -> None:
    if role.builtin:
        raise Refusal(
            f"The role {role.name} is built in and follows Slipway's release.",
            fix="Make a role of your own with the permissions that you want.",
        )


@transaction.atomic
def update_role(
    actor: Actor,
    role: Role,
    *,
    permissions: Sequence[str] | None = None,
    description: str | None = None,
) -> Role:
    """Change what a custom role gives, to everybody who holds it, at once."""
    require(actor, "role.manage", None)
    _require_custom(role)
    before = {"permissions": role.permissions, "description": role.description}
    if permissions is not None:
        wanted = _checked(permissions)
        added = sorted(set(wanted) - set(role.permissions))
        require_no_more(actor, added, None, f"The role {role.name}")
        role.permissions = wanted
    if description is not None:
        role.description = description
    role.save(update_fields=["permissions", "description"])
    after = {"permissions": role.permissions, "description": role.description}
    audit.record(actor, "role.update", target=role, before=before, after=after)
    return role


@transaction.atomic
def delete_role(actor: Actor, role: Role) -> None:
    """Delete a custom role that nobody holds."""
    require(actor, "role.manage", None)
    _require_custom(role)
    holders = role.bindings.count()
    if holders:
        raise Refusal(
            f"The role {role.name} is bound {holders} times.", fix="Revoke these bindings first."
        )
    before = {"name": role.name, "permissions": role.permissions}
    audit.record(actor, "role.delete", target=role, before=before)
    role.delete()
