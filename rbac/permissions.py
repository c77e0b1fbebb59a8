"""The registry of permissions, the roles that ship with Slipway, and this app's own table.

Every app's `permissions.py` hands its table to `register_permissions`; `rbac.sync` writes the
built-in roles from it after each migration. A permission that no table names is held by nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rbac.models import Scope

EVERY_KIND = tuple(Scope.Kind.values)
ROOT_ONLY = (Scope.Kind.EVERYTHING.value,)


@dataclass(frozen=True)
class Permission:
    """One verb on one noun (`environment.scale`) and the lowest built-in roles that hold it.

    `scope_kinds` says where it can be bound; bound elsewhere it gives nothing. `anywhere`: held at
    any scope, it holds everywhere (catalogs that stand at no scope, such as blueprints).
    `everyone`: each signed-in person holds it. `view` names the permission that makes the object
    visible, where that is not `<noun>.view`.
    """

    name: str
    title: str
    roles: tuple[str, ...] = ()
    scope_kinds: tuple[str, ...] = EVERY_KIND
    anywhere: bool = False
    everyone: bool = False
    view: str = ""
    app: str = ""

    @property
    def noun(self) -> str:
        return self.name.partition(".")[0]


BUILTIN_ROLES: dict[str, str] = {
    "viewer": "Sees what stands in its scope.",
    "developer": "Creates and changes environments.",
    "qa": "Tests what stands there: restarts, reads logs, runs checks.",
    "deployer": "Brings new versions out.",
    "maintainer": "Decides in its scope: approves, freezes, grants roles.",
    "auditor": "Reads and exports the audit trail; changes nothing.",
    "administrator": "Holds every permission.",
}
# A role holds what the roles below it hold, so that a table names the lowest roles only.
_BELOW: dict[str, tuple[str, ...]] = {
    "developer": ("viewer",),
    "qa": ("viewer",),
    "deployer": ("viewer",),
    "maintainer": ("viewer", "developer", "qa", "deployer"),
    "auditor": ("viewer",),
}
_registry: dict[str, Permission] = {}


def register_permissions(app: str, permissions: Iterable[Permission]) -> None:
    """Add an app's table; raises ValueError for a malformed, doubled or unknown-role entry."""
    for permission in permissions:
        noun, _, verb = permission.name.partition(".")
        known = _registry.get(permission.name)
        if not noun or not verb:
            raise ValueError(f"Permission “{permission.name}” is not of the form noun.verb.")
        if known is not None and known.app != app:
            raise ValueError(f"Permission “{permission.name}” is registered by {known.app} too.")
        unknown = set(permission.roles) - set(BUILTIN_ROLES)
        if unknown:
            raise ValueError(f"Permission “{permission.name}” names unknown roles: {unknown}.")
        _registry[permission.name] = Permission(**{**vars(permission), "app": app})


def get(name: str) -> Permission | None:
    return _registry.get(name)


def meaningful(names: Iterable[str], kind: str) -> list[str]:
    """Those of the permissions that a binding at a scope of this kind gives."""
    entries = ((name, _registry.get(name)) for name in names)
    return [name for name, entry in entries if entry is None or kind in entry.scope_kinds]


def all_permissions() -> list[Permission]:
    """Every registered permission, ordered by name."""
    return sorted(_registry.values(), key=lambda permission: permission.name)


def view_permission(name: str) -> str:
    """The permission that makes visible what `name` acts on; `project.view` where nothing fits."""
    permission = _registry.get(name)
    if permission is None:
        return "project.view"
    if permission.view:
        return permission.view
    own = f"{permission.noun}.view"
    return own if own in _registry else "project.view"


def builtin_permissions(role: str) -> list[str]:
    """Names that a built-in role holds by the registered tables, sorted."""
    if role == "administrator":
        return sorted(_registry)
    holders = {role, *_BELOW.get(role, ())}
    return sorted(name for name, entry in _registry.items() if holders.intersection(entry.roles))


PERMISSIONS = (
    Permission("project.view", "See a project", ("viewer",)),
    Permission("project.create", "Create a project", scope_kinds=ROOT_ONLY),
    Permission("project.manage", "Change a project", ("maintainer",)),
    Permission("team.view", "See teams", everyone=True),
    Permission("team.manage", "Create, change and delete teams", scope_kinds=ROOT_ONLY),
    Permission("user.view", "See people", everyone=True),
    Permission("user.manage", "Change and deactivate people", scope_kinds=ROOT_ONLY),
    Permission("user.invite", "Invite people", ("maintainer",)),
    Permission("role.view", "See roles", everyone=True),
    Permission("role.manage", "Create and change roles", scope_kinds=ROOT_ONLY),
    Permission("access.view", "See who may do what", ("viewer",)),
    Permission("access.grant", "Grant and revoke roles", ("maintainer",)),
    Permission("service-account.view", "See service accounts", ("viewer",)),
    Permission("service-account.manage", "Create and remove service accounts", ("maintainer",)),
    Permission("token.view", "See one's own tokens", everyone=True),
    Permission("token.create", "Create and revoke one's own tokens", everyone=True),
    Permission("token.manage", "See and revoke anybody's tokens", scope_kinds=ROOT_ONLY),
    Permission("audit.view", "Read the audit trail", ("maintainer", "auditor")),
    Permission("audit.export", "Export the audit trail", ("maintainer", "auditor")),
    Permission("audit.verify", "Verify the audit trail", ("auditor",), anywhere=True),
    Permission("admin.view", "Open the admin site", scope_kinds=ROOT_ONLY),
)
register_permissions("rbac", PERMISSIONS)
