"""One worker's hold on one change: what the phases share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils import timezone

from idp.changes import endings, events, kinds, leases
from idp.changes.leases import Lease, LeaseLost, Renewal
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common.errors import SlipwayError, TemporaryBackendError

MAX_BACK_OFF = 60.0
MAX_RETRY_AFTER = 300.0
MAX_PLAN_FAILURES = 8  # with the back-off: about four minutes


class Cancelled(Exception):
    """Somebody asked to cancel; raised between effects."""


@dataclass(frozen=True)
class Pause:
    """The change rests: due again after some seconds, or (None) when something wakes it."""

    seconds: float | None = None


@dataclass
class Run:
    """The lease, its renewal, the hash that this very run has just planned, and the gates' yes."""

    lease: Lease
    renewal: Renewal
    fresh_hash: str = ""
    gates_passed: bool = False  # in this very run: they are asked again by every later one

    @contextmanager
    def fenced(self) -> Iterator[Change]:
        """The change under its lock; raises `LeaseLost` when another worker has it."""
        if self.renewal.lost.is_set():
            raise LeaseLost(f"{self.lease.holder} lost change {self.lease.pk}")
        with leases.fenced(self.lease) as change:
            yield change

    def look(self) -> Change:
        """The change as it is now; raises `LeaseLost`."""
        with self.fenced() as change:
            return change

    def end(self, state: Change.State, reason: str) -> None:
        with self.fenced() as change:
            endings.end(change, state, reason=reason)

    def later(self, change: Change, error: TemporaryBackendError, doing: str) -> Pause:
        """Note a temporary failure and when it is tried again."""
        with self.fenced() as row:
            row.failures += 1
            wait = min(2.0**row.failures, MAX_BACK_OFF)
            wait = max(wait, min(error.retry_after, MAX_RETRY_AFTER))
            row.reason = f"{doing}: {error.message} Trying again in {wait:.0f} s."
            row.save(update_fields=["failures", "reason"])
            events.log(row, row.reason, level="warn")
            events.moved(row)
        return Pause(wait)


def make_plan(change: Change) -> Plan:
    """The kind's plan for the world as it is, with the choices that people made."""
    plan = kinds.get(change.kind).plan(change)
    return plan.with_choices(change.intent.get("choices", {}))


def in_words(error: Exception) -> str:
    """An error's message and way out, as a change's reason."""
    if isinstance(error, SlipwayError):
        details = " ".join(f"{e.field}: {e.message}" for e in error.errors)
        return " ".join(part for part in (error.message, details, error.fix) if part)
    return f"An unexpected error ({type(error).__name__}: {error}). The server's log has the trace."


def overdue(change: Change, seconds: float) -> bool:
    started = change.started_at
    return started is not None and (timezone.now() - started).total_seconds() > seconds
