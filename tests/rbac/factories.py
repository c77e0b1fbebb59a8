"""Standing characters around one project `orders` of team `orders`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import factory
from factory.django import DjangoModelFactory

from rbac import actors
from rbac.actors import Actor
from rbac.models import Membership, Project, Role, RoleBinding, Scope, Team, User
from rbac.places import root
from rbac.scopes import create_project, tier_scope

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person-{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")

    @factory.post_generation
    def password(self, create: bool, extracted: str | None, **_: object) -> None:
        self.set_password(extracted or PASSWORD)
        if create:
            self.save(update_fields=["password"])


class TeamFactory(DjangoModelFactory[Team]):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"team-{n}")


def bind(
    role: str,
    scope: Scope,
    *,
    user: User | None = None,
    team: Team | None = None,
    ends_at: datetime | None = None,
) -> RoleBinding:
    """A binding without asking who may: the ground that tests stand on."""
    return RoleBinding.objects.create(
        role=Role.objects.get(name=role), scope=scope, user=user, team=team, ends_at=ends_at
    )


def make_project(name: str = "orders", team: Team | None = None) -> Project:
    team = team or Team.objects.get_or_create(name=name)[0]
    return create_project(actors.system("tests"), name, name.title(), team)


def member_of(team: Team, username: str, *, lead: bool = False) -> User:
    user = UserFactory(username=username)
    Membership.objects.create(team=team, user=user, lead=lead)
    return user


@dataclass(frozen=True)
class Characters:
    """People of project `orders` (team `orders`), one stranger, and the two who see everything.

    dana.dev and mate.dev: members of the team, so developers below production and viewers above;
    mia.maintainer, quentin.qa, della.deployer, vic.viewer: that role on the project;
    sam.stranger: signed in, in another team; ann.auditor and ada.admin: at everything.
    """

    project: Project
    developer: User
    mate: User
    maintainer: User
    deployer: User
    qa: User
    viewer: User
    stranger: User
    auditor: User
    administrator: User

    @property
    def scope(self) -> Scope:
        return self.project.scope

    def tier(self, name: str) -> Scope:
        return tier_scope(self.project, name)

    @property
    def everyone(self) -> dict[str, User]:
        return {name: user for name, user in vars(self).items() if isinstance(user, User)}


def make_characters() -> Characters:
    project = make_project("orders")
    others = TeamFactory(name="elsewhere")
    found = Characters(
        project=project,
        developer=member_of(project.team, "dana.dev"),
        mate=member_of(project.team, "mate.dev"),
        maintainer=UserFactory(username="mia.maintainer"),
        deployer=UserFactory(username="della.deployer"),
        qa=UserFactory(username="quentin.qa"),
        viewer=UserFactory(username="vic.viewer"),
        stranger=member_of(others, "sam.stranger"),
        auditor=UserFactory(username="ann.auditor"),
        administrator=UserFactory(username="ada.admin"),
    )
    for role in ("maintainer", "deployer", "qa", "viewer"):
        bind(role, project.scope, user=getattr(found, role))
    for role in ("auditor", "administrator"):
        bind(role, root(), user=getattr(found, role))
    return found


def actor(user: User) -> Actor:
    return Actor(user=user)
