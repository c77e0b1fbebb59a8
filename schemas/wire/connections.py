"""Database connections of the wire API's threads: kept between requests that follow closely.

Django looks after them at the start and the end of each request, and asks PostgreSQL whether it is
there each time; on requests of a millisecond that is a third of the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import close_old_connections, connections

IDLE_SECONDS = 2.0
_last = threading.local()


@contextmanager
def connected() -> Iterator[None]:
    """A request's time: a connection that failed or stood idle is looked after before and after."""
    if time.monotonic() - getattr(_last, "at", 0.0) > IDLE_SECONDS:
        close_old_connections()
    try:
        yield
    finally:
        _last.at = time.monotonic()
        if any(one.errors_occurred for one in connections.all(initialized_only=True)):
            close_old_connections()
