"""The audit trail: what was done or refused, append-only, chained by hash by one sealer.

Services call `record` inside their transaction. A denial must outlive the rollback that it causes,
so it waits until the transaction is gone (`flush_denials`). The controller calls `seal` every few
seconds; chaining inline would serialise every writer.
"""

from __future__ import annotations

import datetime as dt
import threading
from functools import cache
from typing import Any

from django.db import connection, models, transaction

from idp.common.compiled import CompiledInsert, Statement
from rbac.actors import Actor
from rbac.models import AuditRecord, Scope
from rbac.places import place_of
from rbac.sealing import Verification, seal, verify

__all__ = [
    "Verification",
    "flush_denials",
    "record",
    "record_denial",
    "seal",
    "statement",
    "verify",
]
MAX_PENDING = 100  # denials of one request; a loop that asks more often is one story
_waiting = threading.local()


def record(
    actor: Actor,
    action: str,
    *,
    target: object | None,
    scope: Scope | None = None,
    outcome: str = AuditRecord.Outcome.ALLOWED,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
    change_id: int | None = None,
) -> AuditRecord:
    """Write one record in the caller's transaction. Never pass a secret's value."""
    row = _row(actor, action, target=target, scope=scope, outcome=outcome)
    row.before, row.after = _plain(before), _plain(after)
    row.reason, row.change_id = _plain(reason), change_id
    _inserting(connection.vendor).insert(row)
    return row


def statement(
    actor: Actor, action: str, *, target: object, scope: Scope, after: dict[str, Any]
) -> Statement:
    """What `record` would write, for a caller who writes it beside another row."""
    row = _row(actor, action, target=target, scope=scope, outcome=AuditRecord.Outcome.ALLOWED)
    row.after = _plain(after)
    return _inserting(connection.vendor).filled(row)


@cache
def _inserting(_vendor: str) -> CompiledInsert[AuditRecord]:
    return CompiledInsert(AuditRecord)


def _row(
    actor: Actor, action: str, *, target: object | None, scope: Scope | None, outcome: str
) -> AuditRecord:
    if scope is None and target is not None:
        place = place_of(target)
        scope = place.scope if place else None
    row = target if isinstance(target, models.Model) else None
    label = str(target) if row is not None or isinstance(target, str) else ""
    return AuditRecord(
        actor=actor.user,
        actor_label=actor.label[:200],
        action=action[:80],
        outcome=outcome,
        target_type=row._meta.label_lower if row is not None else "",
        target_id=str(row.pk)[:80] if row is not None else "",
        target_label=_plain(label)[:200],
        scope=scope,
        scope_label=scope.label[:100] if scope else "",
        request_id=actor.request_id,
        address=actor.address,
    )


def _plain(value: Any) -> Any:
    """The value as JSON has it: what is not plain becomes text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value).replace("\x00", "�")  # PostgreSQL stores no NUL


def record_denial(actor: Actor, permission: str, *, target: object | None, reason: str) -> None:
    """Write a denial now, or once the caller's transaction has rolled back."""
    row = _row(actor, permission, target=target, scope=None, outcome=AuditRecord.Outcome.DENIED)
    row.reason = reason
    if _inside_transaction():
        pending: list[AuditRecord] = _waiting.__dict__.setdefault("rows", [])
        if len(pending) < MAX_PENDING:
            pending.append(row)
        return
    flush_denials()
    row.save(force_insert=True)


def _inside_transaction() -> bool:
    """Whether a rollback may follow; a test case's own transaction does not count."""
    blocks = connection.atomic_blocks
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def flush_denials() -> None:
    """Write the denials that waited for a rollback: at the end of a request and of a task."""
    rows: list[AuditRecord] = _waiting.__dict__.pop("rows", [])
    if not rows or _inside_transaction():
        if rows:
            _waiting.rows = rows
        return
    with transaction.atomic():
        for row in rows:
            row.save(force_insert=True)
