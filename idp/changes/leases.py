"""Leases on rows: one worker at a time, by compare-and-set on the database's clock.

The runner, the controller and (later) pipeline jobs use it for any `LeasedRow`. The message queue
only says "look at row N"; these columns decide who works.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType, TracebackType
from typing import Any, Self

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Now

from idp.changes.models import LeasedRow
from idp.common import jobs

log = logging.getLogger(__name__)

RESEND_SECONDS = 10.0  # a message that nobody took by then counts as lost
RESEND_DOUBLINGS = 5


class LeaseLost(Exception):
    """Another worker holds the row now; whoever sees this stops without writing anything."""


@dataclass(frozen=True)
class Lease:
    """The right to write to one row until the token grows; `taken_from` names a lost holder."""

    model: type[LeasedRow]
    pk: int
    token: int
    holder: str
    seconds: float
    taken_from: str = ""


def worker_name() -> str:
    """This process, as pages name it: host and process id."""
    return f"{socket.gethostname().split('.')[0][:40]}-{os.getpid()}"


def shown(holder: str) -> str:
    """A holder's name without the part that makes each claim unique."""
    return holder.partition("#")[0]


def after(seconds: float) -> ExpressionWrapper:
    """The database's now plus some seconds."""
    delta = Value(timedelta(seconds=seconds), output_field=DurationField())
    return ExpressionWrapper(Now() + delta, output_field=DateTimeField())


def free() -> Q:
    """Rows that nobody holds and that are due."""
    unheld = Q(lease_until=None) | Q(lease_until__lt=Now())
    return unheld & (Q(not_before=None) | Q(not_before__lte=Now()))


def claim(
    model: type[LeasedRow],
    pk: int,
    *,
    where: Q | None = None,
    seconds: float | None = None,
    name: str = "",
    fields: Mapping[str, Any] = MappingProxyType({}),
    found: LeasedRow | None = None,
) -> Lease | None:
    """A lease on the row if it is free, due and fulfils `where`; None otherwise, or when raced.

    `fields` are set on the row in the same statement. `found` is the row as it was just read, by
    whoever wants more of it than its lease.
    """
    rows = model._default_manager.filter(free(), where or Q(), pk=pk)
    row = found or rows.only("lease_token", "lease_holder", "lease_until").first()
    if row is None:
        return None
    lasts = seconds or settings.CHANGE_LEASE_SECONDS
    holder = f"{name or worker_name()}#{secrets.token_hex(4)}"
    won = rows.filter(lease_token=row.lease_token).update(
        lease_token=F("lease_token") + 1,
        lease_holder=holder,
        lease_until=after(lasts),
        attempts=F("attempts") + 1,
        not_before=None,
        sends=0,
        resend_at=None,
        **fields,
    )
    if not won:
        return None
    lost = shown(row.lease_holder) if row.lease_until else ""
    return Lease(model, pk, row.lease_token + 1, holder, lasts, taken_from=lost)


def _mine(lease: Lease) -> QuerySet[Any]:
    return lease.model._default_manager.filter(pk=lease.pk, lease_token=lease.token)


def renew(lease: Lease) -> None:
    """Hold the row for another `lease.seconds`; raises `LeaseLost` when it was taken over."""
    if not _mine(lease).update(lease_until=after(lease.seconds)):
        raise LeaseLost(f"{lease.holder} lost row {lease.pk}")


def release(lease: Lease, *, wait: float | None = None) -> bool:
    """Give the row back, due again after `wait` seconds; False when it was no longer held."""
    due = None if wait is None else after(wait)
    return bool(_mine(lease).update(lease_until=None, lease_holder="", not_before=due))


def locked(lease: Lease) -> Any:
    """The row, fresh and locked until the transaction ends; raises `LeaseLost` if taken."""
    row = _mine(lease).select_for_update().first()
    if row is None:
        raise LeaseLost(f"{lease.holder} lost row {lease.pk}")
    return row


@contextmanager
def fenced(lease: Lease) -> Iterator[Any]:
    """A transaction that holds the row's lock and yields it fresh; raises `LeaseLost` if taken."""
    with transaction.atomic():
        yield locked(lease)


class Renewal:
    """Keeps a lease alive from a thread while the block runs; `lost` is set once it is gone."""

    def __init__(self, lease: Lease, *, active: bool = True) -> None:
        self.lease = lease
        self.lost = threading.Event()
        self._stop = threading.Event()
        self._active = active
        self._thread = threading.Thread(target=self._run, name=f"lease-{lease.pk}", daemon=True)

    def __enter__(self) -> Self:
        if self._active:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._active:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        failures = 0
        while not self._stop.wait(self.lease.seconds / 4):
            try:
                renew(self.lease)
                failures = 0
            except LeaseLost:
                self.lost.set()
                break
            except DatabaseError:
                failures += 1
                log.warning("lease of row %s could not be renewed", self.lease.pk, exc_info=True)
                connection.close()
                if failures > 3:  # noqa: PLR2004 - by then the lease has run out
                    self.lost.set()
                    break
        connection.close()


def mark_sent(rows: QuerySet[Any], *, sends: int = 0) -> int:
    """Note that a message was sent for these rows, and when the sweeper may send the next."""
    wait = RESEND_SECONDS * 2 ** min(sends, RESEND_DOUBLINGS)
    return rows.update(sent_at=Now(), sends=F("sends") + 1, resend_at=after(wait))


def unsent() -> Q:
    return Q(resend_at=None) | Q(resend_at__lte=Now())


def sweep(
    model: type[LeasedRow], task: str, argument: str, *, where: Q, limit: int = 200
) -> list[int]:
    """Send again what was never sent, not taken in time, or whose lease ran out; their ids."""
    skip = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        rows = (
            model._default_manager.filter(where, free(), unsent())
            .order_by("pk")
            .select_for_update(skip_locked=skip)
        )
        found = list(rows.values_list("pk", "sends")[:limit])
        _send(model, task, argument, found)
    return [pk for pk, _ in found]


def _send(
    model: type[LeasedRow], task: str, argument: str, found: Iterable[tuple[int, int]]
) -> None:
    for pk, sends in found:
        mark_sent(model._default_manager.filter(pk=pk), sends=sends)
        jobs.enqueue(task, **{argument: pk})
