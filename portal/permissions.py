"""Every permission of the portal, on one screen.

Whoever develops in a project's development tier keeps its catalog: `keeper_scope` is where the
writing permissions are asked for. Roles bound at the project reach it from above.
"""

from rbac.models import Project, Scope, Tier
from rbac.permissions import Permission, register_permissions
from rbac.scopes import tier_scope

PERMISSIONS = (
    Permission("component.view", "See components", ("viewer",)),
    Permission("component.create", "Add and import components", ("developer",)),
    Permission("component.edit", "Change a component", ("developer",)),
    Permission("component.delete", "Remove a component", ("developer",)),
)
register_permissions("portal", PERMISSIONS)


def keeper_scope(project: Project) -> Scope:
    """Where a person has to hold `component.create`, `.edit` and `.delete` for a project."""
    return tier_scope(project, Tier.DEVELOPMENT)
