"""The nodes that roles are bound at: everything › project › tier › environment."""

from __future__ import annotations

from rbac.models import Project, Scope, Tier
from rbac.places import root, scope_of, within
from rbac.services.projects import create_project

__all__ = [
    "Tier",
    "create_project",
    "environment_scope",
    "root",
    "scope_of",
    "tier_scope",
    "within",
]


def tier_scope(project: Project, tier: str) -> Scope:
    return Scope.objects.select_related("project_scope").get(
        parent=project.scope_id, kind=Scope.Kind.TIER, name=tier
    )


def environment_scope(project: Project, tier: str, name: str) -> Scope:
    """Make the scope of a new environment below its tier."""
    above = tier_scope(project, tier)
    return Scope.objects.create(
        kind=Scope.Kind.ENVIRONMENT,
        name=name,
        parent=above,
        tier_scope=above,
        project_scope=above.project_scope,
    )
