"""The kernel's facts: what conditions of approval rules may read about any change."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from idp.changes import gates
from idp.changes.models import Change
from idp.changes.plans import Plan, Verb
from rbac.models import Scope


def tier(change: Change, _plan: Plan) -> str:
    """The tier's name, empty for what is wider than a tier."""
    scope = change.scope
    if scope.kind == Scope.Kind.TIER:
        return scope.name
    return scope.tier_scope.name if scope.tier_scope else ""


def project(change: Change, _plan: Plan) -> str:
    scope = change.scope
    if scope.kind == Scope.Kind.PROJECT:
        return scope.name
    return scope.project_scope.name if scope.project_scope else ""


def environment(change: Change, _plan: Plan) -> str:
    return change.scope.name if change.scope.kind == Scope.Kind.ENVIRONMENT else ""


def actor(change: Change, _plan: Plan) -> str:
    return change.actor.username if change.actor else change.actor_label


def _count(verb: Verb) -> Any:
    return lambda _change, plan: plan.counts[verb.value]


def register() -> None:
    gates.register_fact("tier", tier)
    gates.register_fact("project", project)
    gates.register_fact("environment", environment)
    gates.register_fact("actor", actor)
    gates.register_fact("verb", lambda change, _plan: change.verb)
    gates.register_fact("origin", lambda change, _plan: change.origin)
    gates.register_fact("risk", lambda _change, plan: plan.worst.value)
    gates.register_fact("creates", _count(Verb.CREATE))
    gates.register_fact("updates", _count(Verb.UPDATE))
    gates.register_fact("replaces", _count(Verb.REPLACE))
    gates.register_fact("deletes", _count(Verb.DELETE))
    gates.register_fact("hour", lambda _change, _plan: timezone.now().hour)
    gates.register_fact("weekday", lambda _change, _plan: timezone.now().isoweekday())
