"""Clusters and accounts registered, changed and removed, for the admin site and for REST."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from gitops.connections import check_account, check_cluster
from gitops.models import CloudAccount, Cluster
from idp.common.errors import Clash, FieldError, Invalid
from rbac import audit
from rbac.access import require
from rbac.actors import Actor

Registered = Cluster | CloudAccount
HIDDEN = "(not shown)"
_SECRET = frozenset({"kubeconfig", "pull_secrets", "credentials"})
_OWN = frozenset({"id", "checked_at", "check_result"})  # kept by the connection test
# Environments lie where these say: with another value they would be looked for elsewhere.
FIXED = {Cluster: ("name", "backend"), CloudAccount: ("name", "region")}


def permission_of(row: Registered) -> str:
    return "cluster.manage" if isinstance(row, Cluster) else "account.manage"


def fixed_fields(row: Registered) -> tuple[str, ...]:
    """The fields that can no longer be changed, because environments are or were there."""
    return FIXED[type(row)] if row.pk and row.applications.exists() else ()


def save(actor: Actor, row: Registered) -> None:
    """Register a new row, or keep a changed one; decides, judges and audits.

    Raises `Invalid` with the field for what could not work, and for another name, backend or region
    of what environments use.
    """
    with transaction.atomic():
        rows = type(row)._default_manager.select_for_update()
        former: Any = rows.filter(pk=row.pk).first() if row.pk else None
        require(actor, permission_of(row), former)
        _check_fixed(former, row)
        if isinstance(row, Cluster):
            check_cluster(row)
        else:
            check_account(row)
        row.save()
        changed = _changed(former, row)
        audit.record(
            actor,
            permission_of(row),
            target=row,
            before={name: _shown(former, name) for name in changed} if former else None,
            after={name: _shown(row, name) for name in changed},
        )


def remove(actor: Actor, row: Registered) -> None:
    """Forget a cluster or account that no environment was ever in; `Clash` for others."""
    require(actor, permission_of(row), row)
    with transaction.atomic():
        if row.applications.exists():
            raise Clash(
                f"{row} is or was used by environments; their history names it.",
                fix="Switch it off instead: then nothing new is made there.",
            )
        before = {name: _shown(row, name) for name in _changed(None, row)}
        audit.record(actor, permission_of(row), target=row, before=before)
        row.delete()


def _check_fixed(former: Any, row: Registered) -> None:
    if former is None:
        return
    for name in fixed_fields(former):
        if getattr(former, name) != getattr(row, name):
            message = f"The {name} of {former.name} is fixed: environments are or were there."
            fix = "Register another one beside it."
            raise Invalid(message, fix=fix, errors=[FieldError(name, "fixed", message, fix)])


def _changed(former: Any, row: Registered) -> list[str]:
    names = [field.name for field in row._meta.concrete_fields if field.name not in _OWN]
    return [n for n in names if former is None or getattr(former, n) != getattr(row, n)]


def _shown(row: Any, name: str) -> Any:
    value = getattr(row, name)
    if name in _SECRET:
        return HIDDEN if value else ""
    return value
