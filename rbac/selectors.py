"""Reads of the access pages and REST: each takes the actor and answers what they may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Model, Q, QuerySet

from idp.common.errors import NotVisible
from rbac import granters, objectgrants
from rbac.access import Decision, can, decide, require, visible
from rbac.actors import Actor
from rbac.granters import bindings_at
from rbac.models import (
    ApiToken,
    Project,
    Role,
    RoleBinding,
    Scope,
    ServiceAccount,
    Team,
    User,
)
from rbac.places import by_path, place_of
from rbac.services.writing import refuse


def projects(actor: Actor) -> QuerySet[Project]:
    rows = Project.objects.select_related("team", "scope").order_by("name")
    return visible(actor, "project.view", rows)


def teams(actor: Actor) -> QuerySet[Team]:
    rows = Team.objects.annotate(size=Count("memberships")).order_by("name")
    return visible(actor, "team.view", rows)


def people(actor: Actor) -> QuerySet[User]:
    """People without the programs; anybody who is signed in sees their names."""
    if not can(actor, "user.view", None):
        return User.objects.none()
    return User.objects.filter(service_account=None).order_by("username")


def roles(actor: Actor) -> QuerySet[Role]:
    rows = Role.objects.annotate(bound=Count("bindings")).order_by("-builtin", "name")
    return visible(actor, "role.view", rows)


def service_accounts(actor: Actor) -> QuerySet[ServiceAccount]:
    rows = ServiceAccount.objects.select_related("user", "project__scope")
    return visible(actor, "service-account.view", rows.order_by("user__username"))


def bindings(actor: Actor) -> QuerySet[RoleBinding]:
    rows = RoleBinding.objects.select_related(
        "role", "user", "team", "created_by", "scope__project_scope", "scope__tier_scope"
    )
    return visible(actor, "access.view", rows.order_by("id"))


def bindings_reaching(actor: Actor, scope: Scope) -> QuerySet[RoleBinding]:
    """Every binding that gives something at `scope`, from above too; needs `access.view` there."""
    require(actor, "access.view", scope)
    place = place_of(scope)
    rows = RoleBinding.objects.select_related(
        "role", "user", "team", "created_by", "scope__project_scope", "scope__tier_scope"
    )
    return rows.filter(bindings_at(place)).order_by("scope_id", "id") if place else rows.none()


def tokens(actor: Actor) -> QuerySet[ApiToken]:
    """One's own tokens and those of service accounts that one manages; needs `token.view`."""
    if actor.user is None:
        return ApiToken.objects.none()
    require(actor, "token.view", None)
    managed = visible(actor, "service-account.manage", ServiceAccount.objects.all())
    own = Q(user=actor.user) | Q(user__service_account__in=managed.values("pk"))
    rows = ApiToken.objects.filter(issued_for="")
    rows = rows.select_related("user", "scope__project_scope", "scope__tier_scope")
    everybody = can(actor, "token.manage", None)
    return (rows if everybody else rows.filter(own)).order_by("-id")


def scope_at(actor: Actor, path: str, field: str = "scope") -> Scope:
    """The scope that a person named; `Invalid` for none, or for one they may not see."""
    scope = by_path(path)
    everything = scope is not None and scope.kind == Scope.Kind.EVERYTHING
    if scope is None or not (everything or can(actor, "project.view", scope)):
        raise refuse(
            field, "known", f"There is no scope “{path[:80]}”.", "Like orders, or orders/staging."
        )
    return scope


def explain(actor: Actor, *, permission: str, path: str, username: str = "") -> Decision:
    """The decision on one's own right or, with `access.view` there, on another person's."""
    scope = scope_at(actor, path)
    if not username or (actor.user is not None and username == actor.user.username):
        return decide(actor, permission, scope)
    require(actor, "access.view", scope)
    person = User.objects.filter(username=username).first()
    if person is None:
        raise NotVisible(f"There is no person {username[:80]}.")
    decision = decide(Actor(user=person), permission, scope)
    decision.asker = actor
    return decision


def people_holding(permission: str, scope: Scope) -> list[str]:
    """Names of the people who hold a permission at a scope: "who can"."""
    place = place_of(scope)
    rows = granters.people_holding(permission, place) if place else User.objects.none()
    return list(rows.values_list("username", flat=True)[:200])


@dataclass(frozen=True)
class Share:
    """What one person holds on one object besides their roles."""

    username: str
    permissions: tuple[str, ...]
    ends_at: datetime | None


def shares(actor: Actor, obj: Model) -> list[Share]:
    """With whom an object is shared and has not ended, by name; needs `access.view` there."""
    require(actor, "access.view", obj)
    found: dict[tuple[str, datetime | None], list[str]] = {}
    for row in objectgrants.grants_on(obj).filter(objectgrants.alive()):
        found.setdefault((row.user.username, row.ends_at), []).append(row.permission.codename)
    return [Share(name, tuple(held), end) for (name, end), held in found.items()]
