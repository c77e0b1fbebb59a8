"""Which attempts an agent may take, and why none of those who are there takes a job."""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.fleet.models import Agent
from pipelines.permissions import MANAGE
from pipelines.runs.claiming import Reach
from rbac.access import can, visible
from rbac.actors import Actor
from rbac.models import Project


def projects_of(agent: Agent) -> frozenset[str]:
    """The names of the projects whose jobs it runs, as its owner's rights are now."""
    actor = Actor(agent.owner)
    if agent.project is None:
        return frozenset(
            visible(actor, MANAGE, Project.objects.all()).values_list("name", flat=True)
        )
    return frozenset({agent.project.name} if can(actor, MANAGE, agent.project.scope) else ())


def of_agent(agent: Agent, tags: Iterable[str] | None = None) -> Reach:
    """What it may take; `tags` are fewer than it has."""
    own = frozenset(agent.tags)
    return Reach(
        tags=own if tags is None else own & frozenset(tags),
        projects=projects_of(agent),
        images=agent.ignores_images or agent.kind == Agent.Kind.KUBERNETES,
        without_image=agent.kind != Agent.Kind.KUBERNETES or bool(agent.job_image),
    )
