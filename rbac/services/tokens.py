"""Making and revoking API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from idp.common.errors import Refusal
from rbac import audit, epoch
from rbac import permissions as registry
from rbac.access import require
from rbac.actors import Actor
from rbac.models import ApiToken, RoleBinding, Scope, ServiceAccount, User
from rbac.services.bindings import require_no_more
from rbac.services.writing import refuse, save_new
from rbac.tokens import new_text

LONGEST = timedelta(days=365)


@transaction.atomic
def create_token(
    actor: Actor,
    *,
    user: User,
    name: str,
    permissions: Sequence[str],
    scope: Scope | None,
    expires_at: datetime,
) -> tuple[ApiToken, str]:
    """A token of `user` and its text, which is kept nowhere. For oneself or a service account.

    No permissions: all that the owner may do. Each verb brings the permission to see its object.
    """
    _require_owner(actor, user)
    wanted = _wanted(permissions)
    _check_end(expires_at)
    _require_within_token(actor, "make", wanted, scope, expires_at)
    text, prefix, digest = new_text()
    token = ApiToken(
        user=user,
        name=name.strip(),
        prefix=prefix,
        digest=digest,
        permissions=wanted,
        scope=scope,
        created_by=actor.user,
        expires_at=expires_at,
    )
    save_new(token, f"A token {prefix}")
    audit.record(actor, "token.create", target=token, scope=scope, after=_facts(token))
    return token, text


def _facts(token: ApiToken) -> dict[str, object]:
    return {
        "owner": token.user.username,
        "name": token.name,
        "prefix": token.prefix,
        "permissions": token.permissions,
        "scope": token.scope.label if token.scope else None,
        "expires_at": token.expires_at,
    }


def _require_owner(actor: Actor, user: User) -> None:
    """Oneself, or a service account that one manages and that holds no more than oneself."""
    if actor.user is not None and actor.user.pk == user.pk:
        require(actor, "token.create", None)
        return
    account = ServiceAccount.objects.select_related("project__scope").filter(user=user).first()
    if account is None:
        raise Refusal(
            "A token acts as its owner, so people make their own.",
            fix="Make a service account for a program, and a token for that.",
        )
    require(actor, "service-account.manage", account)
    held = RoleBinding.objects.filter(Q(user=user) | Q(team__memberships__user=user))
    for binding in held.select_related("role", "scope__project_scope"):
        require_no_more(
            actor, binding.role.permissions, binding.scope, f"The service account {user.username}"
        )


def _wanted(names: Sequence[str]) -> list[str]:
    unknown = sorted({name for name in names if registry.get(name) is None})
    if unknown:
        raise refuse(
            "permissions",
            "known",
            f"There is no permission {', '.join(unknown[:5])}.",
            "GET /api/v1/permissions/ lists them.",
        )
    return sorted({*names, *(registry.view_permission(name) for name in names)})


def _check_end(expires_at: datetime) -> None:
    now = timezone.now()
    if expires_at <= now:
        raise refuse("expires_at", "future", "The end lies in the past.", "Choose a later moment.")
    if expires_at > now + LONGEST:
        raise refuse(
            "expires_at", "longest", "A token lives at most one year.", "Choose an earlier end."
        )


def _require_within_token(
    actor: Actor, verb: str, wanted: list[str], scope: Scope | None, expires_at: datetime
) -> None:
    """A token begets and ends only tokens that carry, reach and live no more than itself."""
    parent = actor.token
    if parent is None:
        return
    carries = not parent.permissions or (wanted and set(wanted) <= set(parent.permissions))
    reach = parent.scope
    reaches = (
        reach is None
        or reach.kind == Scope.Kind.EVERYTHING
        or (scope is not None and reach.pk in scope.lineage)
    )
    if not (carries and reaches and expires_at <= parent.expires_at):
        raise Refusal(
            f"The token {parent.name} can {verb} only tokens that carry, reach and live no more.",
            fix=f"Ask for less, or sign in and {verb} it at /account/.",
        )


@transaction.atomic
def revoke_token(actor: Actor, token: ApiToken) -> None:
    """End a token; it fails from the next request on. Its owner may, and who manages tokens."""
    if actor.user is not None and actor.user.pk == token.user_id:
        require(actor, "token.create", None)
        _require_within_token(actor, "revoke", token.permissions, token.scope, token.expires_at)
    else:
        account = ServiceAccount.objects.filter(user=token.user_id).first()
        if account is not None:
            require(actor, "service-account.manage", account)
        else:
            require(actor, "token.manage", None)
    if token.revoked_at is not None:
        return
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    epoch.bump()
    audit.record(actor, "token.revoke", target=token, scope=token.scope, before=_facts(token))
