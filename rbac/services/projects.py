"""Projects: a name, an owner team, and the scopes that everything of the project stands at."""

from __future__ import annotations

from django.db import transaction

from idp.common.errors import Clash
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Project, Role, RoleBinding, Scope, Team, Tier
from rbac.places import root
from rbac.services.writing import save_new

# What the owner team gets: a look at all of it, work below production.
TEAM_ROLES = (
    ("viewer", ""),
    ("developer", Tier.PREVIEW),
    ("developer", Tier.DEVELOPMENT),
    ("developer", Tier.STAGING),
)


@transaction.atomic
def create_project(actor: Actor, name: str, title: str, team: Team) -> Project:
    """Make a project with a scope for each tier; its team sees all and develops below production.

    The person who makes it maintains it. Raises `Invalid` for a bad name, `Clash` for a double.
    """
    require(actor, "project.create", None)
    if Project.objects.filter(name=name).exists():
        raise Clash(f"A project {name} exists already.", fix="Choose another name.")
    scope = Scope(kind=Scope.Kind.PROJECT, name=name, parent=root())
    save_new(scope, f"A project {name}")
    project = Project(name=name, title=title, team=team, scope=scope)
    save_new(project, f"A project {name}")
    tiers = {tier: _tier(scope, tier) for tier in Tier.values}
    roles = {role.name: role for role in Role.objects.filter(builtin=True)}
    for role, tier in TEAM_ROLES:
        place = tiers[tier] if tier else scope
        _bind(actor, roles[role], place, team=team)
    if actor.user is not None:
        RoleBinding.objects.create(
            role=roles["maintainer"],
            scope=scope,
            user=actor.user,
            created_by=actor.user,
            reason="Created the project",
        )
    after = {"name": name, "title": title, "team": team.name}
    audit.record(actor, "project.create", target=project, scope=scope, after=after)
    return project


def _tier(project: Scope, tier: str) -> Scope:
    return Scope.objects.create(
        kind=Scope.Kind.TIER, name=tier, parent=project, project_scope=project
    )


def _bind(actor: Actor, role: Role, scope: Scope, team: Team) -> None:
    RoleBinding.objects.create(
        role=role, scope=scope, team=team, created_by=actor.user, reason="Owns the project"
    )


@transaction.atomic
def update_project(
    actor: Actor, project: Project, *, title: str | None = None, team: Team | None = None
) -> Project:
    """Change the title or the owner team; the former team's bindings stay until revoked."""
    require(actor, "project.manage", project)
    before = {"title": project.title, "team": project.team.name}
    if title is not None:
        project.title = title
    if team is not None and team != project.team:
        require(actor, "access.grant", project)
        project.team = team
    project.save(update_fields=["title", "team"])
    after = {"title": project.title, "team": project.team.name}
    audit.record(actor, "project.update", target=project, before=before, after=after)
    return project
