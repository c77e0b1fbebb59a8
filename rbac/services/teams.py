"""Teams and their members: administrators make teams, leads look after their own."""

from __future__ import annotations

from django.db import transaction

from idp.common.errors import Clash, Refusal
from rbac import audit
from rbac.access import require
from rbac.actors import Actor
from rbac.models import Membership, Project, RoleBinding, Team, User
from rbac.services.lastone import keep_an_administrator
from rbac.services.writing import insert, refuse, save_new


@transaction.atomic
def create_team(actor: Actor, *, name: str, title: str = "") -> Team:
    require(actor, "team.manage", None)
    team = Team(name=name, title=title)
    save_new(team, f"A team {name}")
    audit.record(actor, "team.create", target=team, after={"name": name, "title": title})
    return team


@transaction.atomic
def update_team(actor: Actor, team: Team, *, title: str) -> Team:
    """Change the title; the name is an identifier and stays."""
    require_care(actor, team)
    before = {"title": team.title}
    team.title = title
    team.save(update_fields=["title"])
    audit.record(actor, "team.update", target=team, before=before, after={"title": title})
    return team


@transaction.atomic
def delete_team(actor: Actor, team: Team) -> None:
    """Delete a team that owns no project; its bindings end with it."""
    require(actor, "team.manage", None)
    projects = list(Project.objects.filter(team=team).values_list("name", flat=True)[:5])
    if projects:
        raise Refusal(
            f"Team {team.name} owns {', '.join(projects)}.",
            fix="Give these projects to another team first.",
        )
    before = {
        "name": team.name,
        "members": list(team.memberships.values_list("user__username", flat=True)),
        "bindings": [str(row) for row in RoleBinding.objects.filter(team=team)],
    }
    audit.record(actor, "team.delete", target=team, before=before)
    with keep_an_administrator():
        team.delete()


def require_care(actor: Actor, team: Team) -> None:
    """Leads look after their own team by an unnarrowed session or token; others need the verb."""
    leads = Membership.objects.filter(team=team, user=actor.user, lead=True)
    if actor.user is None or not (actor.user.is_active and not actor.narrowed and leads.exists()):
        require(actor, "team.manage", team)


@transaction.atomic
def add_member(actor: Actor, team: Team, user: User, *, lead: bool = False) -> Membership:
    """Put a person into a team, which gives them all that the team holds."""
    require_care(actor, team)
    if not user.is_active:
        raise refuse("user", "active", f"{user.username} is deactivated.")
    if lead:
        require(actor, "team.manage", team)
    membership = Membership(team=team, user=user, lead=lead)
    insert(membership, f"{user.username} in team {team.name}")
    after = {"user": user.username, "lead": lead}
    audit.record(actor, "team.add-member", target=team, after=after)
    return membership


@transaction.atomic
def remove_member(actor: Actor, team: Team, user: User) -> None:
    require_care(actor, team)
    membership = Membership.objects.filter(team=team, user=user).first()
    if membership is None:
        raise Clash(f"{user.username} is no member of team {team.name}.")
    before = {"user": user.username, "lead": membership.lead}
    audit.record(actor, "team.remove-member", target=team, before=before)
    with keep_an_administrator():
        membership.delete()
