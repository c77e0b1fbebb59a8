"""Two projects in staging: orders writes a subject that billing and shipping read.

What a test only looks at is recorded as rows; what it changes is brought by a real change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from environments.models import Environment
from portal.models import Component
from rbac.actors import Actor
from rbac.models import Project, Scope, User
from rbac.scopes import environment_scope
from schemas.dependants import recording
from schemas.dependants.sets import FACT, LISTS, Entry, SchemaSet
from schemas.models import Subject
from tests.environments.factories import IMAGE, bring
from tests.rbac.factories import Characters, bind, make_project, member_of
from tests.schemas.factories import record, register

NAME = "orders-value"
FULL = record(("id", "long"), ("amount", "double"))
DROPPED = record(("id", "long"))  # without the amount that readers need
EVOLVED = record(("id", "long"), ("amount", "double"), ("note", "string", ""))
TIER, STAGE = "staging", "stage"


@dataclass(frozen=True)
class Side:
    """One project with its environment in staging; `environment` only where it was brought."""

    project: Project
    scope: Scope
    actor: Actor
    brought: Environment | None = None

    @property
    def environment(self) -> Environment:
        assert self.brought is not None, "ask for a world in which it is real"
        return self.brought


@dataclass(frozen=True)
class Tier:
    """The sides of a story and who stands behind them."""

    subject: Subject
    orders: Side
    billing: Side
    shipping: Side
    owner: User  # may waive at billing's environments
    second: User  # of the same team

    @property
    def dana(self) -> Actor:
        return self.orders.actor


def workload(name: str) -> dict[str, Any]:
    return {"workloads": {"web": {"component": name}}, "parameters": {"image": IMAGE}}


def deploy(scope: Scope, name: str, held: str, *versions: int) -> None:
    """The rows that a succeeded change would leave."""
    entries = tuple(Entry(NAME, number, "web", name, "1.4.2") for number in versions)
    made = SchemaSet(**{key: entries if key == held else () for key in LISTS})
    recording.record(scope, None, {FACT: made.to_json()})


def side(actor: Actor, project: Project, held: str, *, real: bool) -> Side:
    """A component of the project, in staging with version 1."""
    name = f"{project.name}-api"
    Component.objects.create(name=name, project=project, owner=project.team)
    if not real:
        scope = environment_scope(project, TIER, STAGE)
        deploy(scope, name, held, 1)
        return Side(project, scope, actor)
    schemas = {held: [{"subject": NAME, "version": 1}]}
    brought = bring(actor, project, name=STAGE, tier=TIER, schemas=schemas, **workload(name))
    return Side(project, brought.scope, actor, brought)


def make_tier(people: Characters, *real: str) -> Tier:
    """Version 1 is written by orders and read by billing and shipping, all in staging."""
    dana = Actor(people.developer)
    subject = register(dana, NAME, FULL)
    orders = side(dana, people.project, "produces", real="orders" in real)
    sides = {}
    for name in ("billing", "shipping"):
        project = make_project(name)
        developer = member_of(project.team, f"dev.{name}")
        bind("viewer", people.scope, user=developer)
        bind("deployer", project.scope, user=developer)
        sides[name] = side(Actor(developer), project, "consumes", real=name in real)
    team = sides["billing"].project.team
    owner, second = member_of(team, "olga.owner"), member_of(team, "sven.second")
    for user in (owner, second):
        bind("maintainer", sides["billing"].project.scope, user=user)
    return Tier(subject, orders, sides["billing"], sides["shipping"], owner, second)
