"""One deadline over all calls to clusters and accounts made in a block (docs/adr/0012).

For the few that run while a person waits for the page; jobs have their own patience.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from idp.common.errors import TemporaryBackendError

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


class OutOfTime(TemporaryBackendError):
    """The block's time is over; the call was not made."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All calls of the block together take at most so long; then they raise `OutOfTime`."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def active() -> bool:
    return _ends.get() is not None


def left(most: float) -> float:
    """How many seconds the next call may take: `most`, or what is left; else `OutOfTime`."""
    ends = _ends.get()
    if ends is None:
        return most
    rest = ends - time.monotonic()
    if rest <= 0:
        raise OutOfTime(
            "It answers too slowly: the time for this was over before all was asked.",
            fix="Try again; if it stays slow, look at its load and at the network between.",
        )
    return min(most, rest)
