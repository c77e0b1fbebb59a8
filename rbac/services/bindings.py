"""Granting and revoking roles at scopes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from idp.common.errors import Clash, Refusal
from rbac import audit
from rbac import permissions as registry
from rbac.access import can, require
from rbac.actors import Actor
from rbac.models import Role, RoleBinding, Scope, Team, User
from rbac.places import scope_of
from rbac.services.lastone import keep_an_administrator
from rbac.services.writing import refuse

SHOWN = 5  # permissions that a refusal names


def _facts(binding: RoleBinding) -> dict[str, Any]:
    return {
        "role": binding.role.name,
        "scope": binding.scope.label,
        "user": binding.user.username if binding.user else None,
        "team": binding.team.name if binding.team else None,
        "ends_at": binding.ends_at,
        "reason": binding.reason,
    }


def require_no_more(actor: Actor, names: list[str], obj: object | None, what: str) -> None:
    """Nobody gives what they lack: raises `Refusal` naming the permissions that are missing.

    Only what a binding at the object's scope gives counts.
    """
    names = registry.meaningful(names, scope_of(obj).kind)
    lacking = sorted(name for name in names if not can(actor, name, obj))
    if lacking:
        shown = ", ".join(lacking[:SHOWN]) + (" …" if len(lacking) > SHOWN else "")
        raise Refusal(
            f"{what} holds more than you do there: {shown}.",
            fix="Choose a role that holds no more than yours, or ask an administrator.",
        )


@transaction.atomic
def bind_role(
    actor: Actor,
    *,
    role: Role,
    scope: Scope,
    user: User | None = None,
    team: Team | None = None,
    ends_at: datetime | None = None,
    reason: str = "",
) -> RoleBinding:
    """Give a role to one person or one team at a scope, perhaps until a moment.

    Needs `access.grant` there, and each permission of the role. Raises `Clash` for a double.
    """
    require(actor, "access.grant", scope)
    if (user is None) == (team is None):
        raise refuse("user", "one_subject", "Name either a person or a team.")
    if ends_at is not None and ends_at <= timezone.now():
        raise refuse("ends_at", "future", "The end lies in the past.", "Choose a later moment.")
    if user is not None and not user.is_active:
        raise refuse("user", "active", f"{user.username} is deactivated.")
    if not registry.meaningful(role.permissions, scope.kind):
        raise refuse(
            "scope",
            "scope_kinds",
            f"The role {role.name} gives nothing at {scope}.",
            "Bind it further up: what it holds means something at everything only.",
        )
    require_no_more(actor, role.permissions, scope, f"The role {role.name}")
    binding = RoleBinding(
        role=role, scope=scope, user=user, team=team, ends_at=ends_at, reason=reason[:300],
        created_by=actor.user,
    )  # fmt: skip
    try:
        with transaction.atomic():
            binding.save(force_insert=True)
    except IntegrityError as error:
        raise Clash(
            f"{user or team} holds the role {role.name} at {scope} already.",
            fix="Revoke that binding first if its end or reason should change.",
        ) from error
    audit.record(
        actor, "access.grant", target=binding, scope=scope, after=_facts(binding), reason=reason
    )
    return binding


@transaction.atomic
def unbind_role(actor: Actor, binding: RoleBinding, *, reason: str = "") -> None:
    """Take a role away; it holds from the next request on, in every process."""
    require(actor, "access.grant", binding.scope)
    require_no_more(actor, binding.role.permissions, binding.scope, f"The role {binding.role.name}")
    audit.record(
        actor,
        "access.revoke",
        target=binding,
        scope=binding.scope,
        before=_facts(binding),
        reason=reason,
    )
    with keep_an_administrator():
        binding.delete()
