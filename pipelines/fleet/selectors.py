"""Reads of agents: those of projects whose pipelines one sees, and one's own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from idp.common.errors import NotVisible
from pipelines.fleet.models import Agent
from pipelines.permissions import MANAGE, VIEW
from pipelines.runs.executors import Executor
from pipelines.runs.models import Attempt
from rbac.access import can, get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project

ONLINE = timedelta(seconds=60)
MAX_RUNNING = 50


def agents(actor: Actor) -> QuerySet[Agent]:
    """The agents that the actor sees, with how many jobs each runs."""
    rows = Agent.objects.select_related("project__scope", "owner", "cluster")
    found = visible(actor, VIEW, rows)
    if actor.user is not None and not actor.narrowed:
        found = found | rows.filter(owner=actor.user, project=None)
    running = Count("attempts", filter=Q(attempts__status=Attempt.Status.RUNNING))
    return found.annotate(running=running)


def agent(actor: Actor, pk: int, *, manage: bool = False) -> Agent:
    """One; `NotVisible`, or `AccessForbidden` for who only sees it and wants to `manage` it."""
    found = agents(actor).filter(pk=pk).first()
    if found is None:
        raise NotVisible("There is nothing here, or you may not see it.")
    if manage and not manages(actor, found):
        require(actor, MANAGE, found.project.scope if found.project else None)
    return found


def manages(actor: Actor, agent: Agent) -> bool:
    """Whether the actor may change it: whoever manages its project's pipelines, or owns it."""
    if agent.project is not None:
        return can(actor, MANAGE, agent.project.scope)
    own = actor.user is not None and actor.user.pk == agent.owner_id and not actor.narrowed
    return own or can(actor, MANAGE, None)


def project(actor: Actor, name: str) -> Project:
    """The project whose pipelines the actor manages; refused as one that is not seen otherwise."""
    found = get_visible(actor, VIEW, Project.objects.select_related("scope"), name=name)
    require(actor, MANAGE, found.scope)
    return found


def state(agent: Agent) -> str:
    """In a word: paused, online, offline, or never seen.

    A machine is seen when its process asks, a cluster when Slipway's look at it was answered.
    """
    if agent.paused:
        return "paused"
    if agent.seen_at is None:
        return "new"
    return "online" if timezone.now() - agent.seen_at < ONLINE else "offline"


def running(agent: Agent) -> QuerySet[Attempt]:
    rows = agent.attempts.filter(status=Attempt.Status.RUNNING)
    return rows.select_related("job__pipeline__project").order_by("pk")


def executors(project: Project) -> Iterator[Executor]:
    """Those who take a project's jobs, for the reason of one that waits."""
    mine = Q(project=project) | Q(project=None)
    for one in Agent.objects.filter(mine).select_related("owner", "project__scope", "cluster"):
        if can(Actor(one.owner), MANAGE, project.scope):
            cluster = one.kind == Agent.Kind.KUBERNETES
            yield Executor(
                f"The agent {one.name}",
                frozenset(one.tags),
                images=cluster or one.ignores_images,
                without_image=not cluster or bool(one.job_image),
                paused=one.paused,
            )
