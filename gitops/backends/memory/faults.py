"""Failures that a test asks a simulated cluster for; kept a process, by the cluster's name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock

from idp.common.errors import Denied, TemporaryBackendError


class Fault(StrEnum):
    REFUSES = "refuses"  # 403
    THROTTLES = "throttles"  # 429 with Retry-After
    HANGS = "hangs"  # accepts the call and does not answer within the deadline
    DISAPPEARS = "disappears"  # nothing listens there
    BREAKS_AFTER = "breaks after"  # does it, and the answer is lost


@dataclass
class _Order:
    fault: Fault
    verb: str
    kind: str
    times: int


_orders: dict[str, list[_Order]] = {}
_lock = Lock()


def inject(cluster: str, fault: Fault, *, verb: str = "", kind: str = "", times: int = 1) -> None:
    """Make the next `times` calls fail (of `verb` and `kind`, where they are named)."""
    with _lock:
        _orders.setdefault(cluster, []).append(_Order(fault, verb, kind, times))


def recover(cluster: str) -> None:
    """Forget every failure that was asked for."""
    with _lock:
        _orders.pop(cluster, None)


def _due(cluster: str, verb: str, kind: str) -> Fault | None:
    with _lock:
        for order in _orders.get(cluster, []):
            if order.times and order.verb in ("", verb) and order.kind in ("", kind):
                order.times -= 1
                return order.fault
    return None


@contextmanager
def tripped(cluster: str, verb: str, kind: str, deadline: float) -> Iterator[None]:
    """Run one call to the cluster, failing as ordered."""
    fault = _due(cluster, verb, kind)
    if fault is Fault.REFUSES:
        raise Denied(
            f"Cluster {cluster} does not allow Slipway to {verb} {kind or 'anything'}.",
            fix=f"Bind a role that may {verb} {kind or 'objects'} to Slipway's account there.",
        )
    if fault is Fault.THROTTLES:
        raise TemporaryBackendError(f"Cluster {cluster} is busy (429).", retry_after=1)
    if fault is Fault.HANGS:
        time.sleep(deadline)
        raise TemporaryBackendError(f"Cluster {cluster} did not answer within {deadline:g} s.")
    if fault is Fault.DISAPPEARS:
        raise TemporaryBackendError(f"Cluster {cluster} cannot be reached: connection refused.")
    yield
    if fault is Fault.BREAKS_AFTER:
        raise TemporaryBackendError(f"Cluster {cluster} closed the connection before answering.")
