"""Limits of projects and teams: judged early in forms, and again by gates on the plan.

A limit stands at a scope (everything, a project, a tier) or with a team, perhaps for one tier.
Every finding names the limit, the fact that was read, and who can lift it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from environments.models import Environment, Limit
from idp.common import quantities
from rbac.models import Project, Scope

_SLACK = timedelta(minutes=10)  # between filling in a form and planning


@dataclass(frozen=True)
class Finding:
    """A limit that would be passed: the field, the sentence, the rule, the fact and the way out."""

    field: str
    rule: str
    sentence: str
    fact: str
    lift: str


@dataclass(frozen=True)
class Wish:
    """What is asked for; `environment` is None before there is one.

    An environment that exists keeps what it has: its number and tier are not judged again, and its
    expiry only when it changes.
    """

    project: Project
    tier: str
    expires_at: datetime | None = None
    cpu: float = 0
    memory: int = 0
    environment: Environment | None = None
    now: datetime | None = None

    @property
    def new(self) -> bool:
        return self.environment is None or self.environment.state == Environment.State.PROPOSED

    @property
    def expiry_changes(self) -> bool:
        return self.new or (
            self.environment is not None and self.environment.expires_at != self.expires_at
        )


def of(project: Project, tier: str) -> list[Limit]:
    """The limits that hold for a project's tier, by name."""
    scopes = Scope.objects.filter(
        Q(kind=Scope.Kind.EVERYTHING)
        | Q(pk=project.scope_id)
        | Q(kind=Scope.Kind.TIER, parent=project.scope_id, name=tier)
    )
    rows = Limit.objects.filter(Q(scope__in=scopes) | Q(team=project.team_id))
    found = rows.filter(tier__in=["", tier]).select_related("scope", "team").order_by("name")
    return list(found)


def hold(project: Project, tier: str) -> None:
    """Lock the limits of number until the transaction ends: new environments come one by one.

    A count sees committed rows only, and the gate counts by age: without the lock a row that is
    still being written could take a place that another has been given.
    """
    numbered = [limit.pk for limit in of(project, tier) if limit.max_environments is not None]
    list(Limit.objects.select_for_update().filter(pk__in=numbered).order_by("pk"))


def longest_life(project: Project, tier: str) -> int | None:
    """The most days ahead that an expiry may lie; None where nothing limits it."""
    days = [r.max_lifetime_days for r in of(project, tier) if r.max_lifetime_days is not None]
    return min(days) if days else None


def counted(wish: Wish) -> list[Finding]:
    """Passed limits of tier, number and lifetime."""
    return [f for limit in of(wish.project, wish.tier) for f in _counted(limit, wish)]


def quota(wish: Wish) -> list[Finding]:
    """Passed limits of cores and memory."""
    return [f for limit in of(wish.project, wish.tier) for f in _quota(limit, wish)]


def _lift(limit: Limit) -> str:
    return limit.lifted_by or "A platform engineer can raise it in the admin site."


def _counted(limit: Limit, wish: Wish) -> Iterator[Finding]:
    if wish.new and limit.allowed_tiers and wish.tier not in limit.allowed_tiers:
        allowed = ", ".join(limit.allowed_tiers)
        sentence = f"Limit {limit.name} allows only {allowed}; you asked for {wish.tier}."
        yield Finding("tier", limit.name, sentence, wish.tier, _lift(limit))
    if wish.new and limit.max_environments is not None:
        others = _others(limit, wish)
        if others >= limit.max_environments:
            what = f"{limit.tier} environments" if limit.tier else "environments"
            sentence = (
                f"Limit {limit.name} allows {limit.max_environments} {what} and there are"
                f" {others} already."
            )
            yield Finding("name", limit.name, sentence, str(others), _lift(limit))
    if wish.expiry_changes:
        yield from _life(limit, wish)


def _others(limit: Limit, wish: Wish) -> int:
    """Living environments under the limit that were asked for earlier than this one."""
    rows = Environment.objects.exclude(state=Environment.State.DELETED)
    if limit.team_id:
        rows = rows.filter(project__team=limit.team_id)
    elif limit.scope is not None and limit.scope.kind == Scope.Kind.TIER:
        rows = rows.filter(scope__tier_scope=limit.scope_id)
    elif limit.scope is not None and limit.scope.kind == Scope.Kind.PROJECT:
        rows = rows.filter(project__scope=limit.scope_id)
    if limit.tier:
        rows = rows.filter(tier=limit.tier)
    if wish.environment is not None:
        rows = rows.filter(pk__lt=wish.environment.pk)
    return rows.count()


def _life(limit: Limit, wish: Wish) -> Iterator[Finding]:
    days = limit.max_lifetime_days
    if days is None:
        return
    last = (wish.now or timezone.now()) + timedelta(days=days)
    if wish.expires_at is None:
        sentence = f"Limit {limit.name} lets a {wish.tier} environment live {days} days at most."
        yield Finding("expires_at", limit.name, sentence, "never expires", _lift(limit))
    elif wish.expires_at > last + _SLACK:
        asked = (wish.expires_at - last).days + days + 1
        sentence = (
            f"Limit {limit.name} lets a {wish.tier} environment live {days} days at most: until"
            f" {last:%Y-%m-%d %H:%M} UTC. You asked for {asked}."
        )
        yield Finding("expires_at", limit.name, sentence, f"{asked} days", _lift(limit))


def _quota(limit: Limit, wish: Wish) -> Iterator[Finding]:
    cpu, memory = Decimal(str(wish.cpu)), wish.memory
    if limit.cpu and cpu > quantities.cpu(limit.cpu):
        fact = f"{quantities.cpu_text(cpu)} CPU"
        sentence = f"Limit {limit.name} gives an environment {limit.cpu} CPU; it asks for {fact}."
        yield Finding("parameters", limit.name, sentence, fact, _lift(limit))
    if limit.memory and memory > quantities.memory(limit.memory):
        fact = quantities.memory_text(memory)
        sentence = (
            f"Limit {limit.name} gives an environment {limit.memory} of memory; it asks for {fact}."
        )
        yield Finding("parameters", limit.name, sentence, fact, _lift(limit))
