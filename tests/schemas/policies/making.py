"""Policies as the services make them."""

from __future__ import annotations

from typing import Any

from rbac.models import Scope
from rbac.scopes import root
from schemas.policies import services
from schemas.policies.models import SchemaPolicy
from tests.rbac.factories import Characters, actor

PII = {"tags": ["PII"], "keep_out_of": ["preview"], "removal": "approval"}


def enforce(
    people: Characters, name: str = "rules", *, scope: Scope | None = None, **rules: Any
) -> SchemaPolicy:
    """An enforced policy of everything, unless a project's scope is given."""
    return make(people, name, scope=scope, rules=rules)


def make(
    people: Characters,
    name: str = "rules",
    *,
    scope: Scope | None = None,
    mode: str = "enforce",
    **given: Any,
) -> SchemaPolicy:
    return services.add_policy(
        actor(people.administrator), name=name, scope=scope or root(), mode=mode, **given
    )
