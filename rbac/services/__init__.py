"""Every write to people, teams, projects, roles, bindings and tokens: decided and audited."""

from rbac.services.bindings import bind_role, unbind_role
from rbac.services.people import (
    accept_invitation,
    create_administrator,
    deactivate_user,
    invite,
    open_invitation,
    reactivate_user,
)
from rbac.services.profile import tell_old_address, update_profile
from rbac.services.projects import create_project, update_project
from rbac.services.roles import create_role, delete_role, update_role
from rbac.services.service_accounts import create_service_account, delete_service_account
from rbac.services.sharing import share, unshare
from rbac.services.teams import (
    add_member,
    create_team,
    delete_team,
    remove_member,
    require_care,
    update_team,
)
from rbac.services.tokens import create_token, revoke_token

__all__ = [
    "accept_invitation",
    "add_member",
    "bind_role",
    "create_administrator",
    "create_project",
    "create_role",
    "create_service_account",
    "create_team",
    "create_token",
    "deactivate_user",
    "delete_role",
    "delete_service_account",
    "delete_team",
    "invite",
    "open_invitation",
    "reactivate_user",
    "remove_member",
    "require_care",
    "revoke_token",
    "share",
    "tell_old_address",
    "unbind_role",
    "unshare",
    "update_profile",
    "update_project",
    "update_role",
    "update_team",
]
