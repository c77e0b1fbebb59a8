"""Every write to people, teams, projects, roles, bindings and tokens: decided and audited."""

from rbac.services.bindings import bind_role, share, unbind_role, unshare
from rbac.services.projects import create_project, update_project
from rbac.services.teams import add_member, create_team, delete_team, remove_member, update_team

__all__ = [
    "add_member",
    "bind_role",
    "create_project",
    "create_team",
    "delete_team",
    "remove_member",
    "share",
    "unbind_role",
    "unshare",
    "update_project",
    "update_team",
]
