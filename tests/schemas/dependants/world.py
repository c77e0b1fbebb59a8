"""Two projects in staging: orders writes a subject that billing and shipping read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from environments.models import Environment
from portal.models import Component
from rbac.actors import Actor
from rbac.models import Project, User
from schemas.models import Subject
from tests.environments.factories import IMAGE, bring
from tests.rbac.factories import Characters, bind, make_project, member_of
from tests.schemas.factories import record, register

NAME = "orders-value"
FULL = record(("id", "long"), ("amount", "double"))
DROPPED = record(("id", "long"))  # without the amount that readers need
EVOLVED = record(("id", "long"), ("amount", "double"), ("note", "string", ""))
TIER = "staging"


@dataclass(frozen=True)
class Tier:
    """The environments of a story and who stands behind them."""

    subject: Subject
    orders: Environment
    billing: Environment
    shipping: Environment
    owner: User  # may waive at billing's environments
    second: User  # of the same team
    dana: Actor


def component(project: Project, name: str) -> Component:
    return Component.objects.create(name=name, project=project, owner=project.team)


def workload(name: str) -> dict[str, Any]:
    return {"workloads": {"web": {"component": name}}, "parameters": {"image": IMAGE}}


def consumer(people: Characters, name: str, subject: str = NAME, version: int = 1) -> Environment:
    """An environment of a project of its own that reads a subject."""
    project = make_project(name)
    component(project, f"{name}-api")
    developer = member_of(project.team, f"dev.{name}")
    bind("viewer", people.scope, user=developer)
    bind("deployer", project.scope, user=developer)
    return bring(
        Actor(developer),
        project,
        name="stage",
        tier=TIER,
        schemas={"consumes": [{"subject": subject, "version": version}]},
        **workload(f"{name}-api"),
    )


def make_tier(people: Characters) -> Tier:
    """Version 1 is written by orders and read by billing and shipping, all in staging."""
    dana = Actor(people.developer)
    subject = register(dana, NAME, FULL)
    component(people.project, "orders-api")
    orders = bring(
        dana,
        people.project,
        name="stage",
        tier=TIER,
        schemas={"produces": [{"subject": NAME, "version": 1}]},
        **workload("orders-api"),
    )
    billing, shipping = consumer(people, "billing"), consumer(people, "shipping")
    owner = member_of(billing.project.team, "olga.owner")
    second = member_of(billing.project.team, "sven.second")
    for user in (owner, second):
        bind("maintainer", billing.project.scope, user=user)
    return Tier(subject, orders, billing, shipping, owner, second, dana)
