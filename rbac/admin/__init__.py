"""The admin pages of rbac, and the base that upper apps build theirs on."""

from rbac.admin.base import AuditedAdmin
from rbac.admin.models import (
    AuditRecordAdmin,
    InvitationAdmin,
    ProjectAdmin,
    RoleAdmin,
    RoleBindingAdmin,
    ServiceAccountAdmin,
    TeamAdmin,
    TokenAdmin,
    UserAdmin,
)
from rbac.admin.shares import ObjectGrantAdmin, ProjectGrantAdmin

__all__ = [
    "AuditRecordAdmin",
    "AuditedAdmin",
    "InvitationAdmin",
    "ObjectGrantAdmin",
    "ProjectAdmin",
    "ProjectGrantAdmin",
    "RoleAdmin",
    "RoleBindingAdmin",
    "ServiceAccountAdmin",
    "TeamAdmin",
    "TokenAdmin",
    "UserAdmin",
]
