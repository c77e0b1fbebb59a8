"""Change kinds: how upper apps say what a change plans, does and watches. The runner calls them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from idp.changes.models import Change
from idp.changes.plans import Plan


class Seen(StrEnum):
    """What observing found."""

    PROGRESSING = "progressing"
    HEALTHY = "healthy"
    DEGRADED = "degraded"


@dataclass(frozen=True)
class Observation:
    seen: Seen
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)


class StepContext(Protocol):
    """What a running step may use; made by the runner."""

    change: Change
    fence: int  # the fencing token: pass it on to whatever can compare it

    def log(self, text: str, **data: Any) -> None:
        """Append a line to the change's log; raises `LeaseLost` when another worker took over."""

    def checkpoint(self) -> None:
        """Raise `LeaseLost` or `Cancelled` where the work must stop; call it between effects."""

    def result_of(self, key: str) -> dict[str, Any]:
        """What the done step `key` of this change returned; empty when it returned nothing."""


@dataclass(frozen=True)
class Step:
    """One resumable effect. `run` may be called again after a crash: it recognises its own work.

    Returns what is stored as the step's result (JSON). A `TemporaryBackendError` is retried with
    back-off inside the change's deadline; any other error fails the change with its message.
    """

    key: str
    title: str
    run: Callable[[StepContext], dict[str, Any] | None]


class ChangeKind(Protocol):
    """One way of changing the world. All methods are called in workers, outside transactions."""

    name: str

    def plan(self, change: Change) -> Plan:
        """Say what would be done; no effects. Raises `Refusal` where the intent is not allowed."""

    def steps(self, change: Change, plan: Plan) -> Sequence[Step]:
        """The steps in order; the same list again when a change resumes."""

    def observe(self, change: Change) -> Observation:
        """What the world looks like after applying; asked by the controller until it is settled."""

    def ended(self, change: Change) -> None:
        """Called in the transaction that ends the change, whatever the end; database only."""


_kinds: dict[str, ChangeKind] = {}


def register(kind: ChangeKind) -> None:
    """Make a kind known by its name; a second registration of a name is a programming error."""
    if kind.name in _kinds:
        raise ValueError(f"change kind {kind.name!r} is registered twice")
    _kinds[kind.name] = kind


def get(name: str) -> ChangeKind:
    return _kinds[name]
