"""That a call used a subject: kept in memory within the request, written later by a thread.

Called by `schemas.wire` after each answer that found something. A process that is killed loses at
most `SCHEMAS_TRAFFIC_SECONDS` of it: traffic is a hint, and the next call gives it again.
"""

from __future__ import annotations

import atexit
import os
import time
from contextlib import suppress
from threading import Event, Lock, Thread

import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, connections

from idp.common.metrics import TRAFFIC_DROPPED
from rbac.models import ApiToken
from schemas.traffic import writing
from schemas.traffic.buffer import Buffer, Use

MAX_USES = 20_000  # that wait in one process, some 400 bytes each
MAX_OF_TOKEN = 5_000  # a program that starts may fetch a thousand schemas a second, and only once
FULL = 1_000  # then it is written before its time
LEAST_SECONDS = 2.0  # between two writings all the same

log = structlog.get_logger(__name__)


class Noting:
    """One process' buffer with the thread that empties it: there is one while something waits."""

    def __init__(self) -> None:
        self.buffer = Buffer(MAX_USES, MAX_OF_TOKEN)
        self.ending = Event()
        self._full = Event()
        self._lock = Lock()
        self._running = False
        self._told = 0

    def note(self, token: ApiToken, use: Use) -> None:
        """Keep a use. No query, and no wait for any."""
        self.buffer.note(token.pk, use, time.time())
        if self.buffer.size >= FULL:
            self._full.set()
        with self._lock:
            start, self._running = not self._running, True
        if start:
            self.start()

    def start(self) -> None:
        Thread(target=self._empty, name="registry-traffic", daemon=True).start()

    def _empty(self) -> None:
        while self._goes_on():
            self.ending.wait(LEAST_SECONDS)
            self._full.wait(max(0.0, settings.SCHEMAS_TRAFFIC_SECONDS - LEAST_SECONDS))
            self._full.clear()
            self.flush()
            with suppress(DatabaseError):  # a thread that ends here would leave nobody to write
                connections.close_all()

    def _goes_on(self) -> bool:
        with self._lock:
            self._running = self.buffer.size > 0
            return self._running

    def flush(self) -> int:
        """Write what waits; the number of rows. What a database refuses for now waits on."""
        batch = self.buffer.take()
        self._tell_dropped()
        if not batch:
            return 0
        try:
            return writing.write(batch)
        except (OperationalError, InterfaceError, IntegrityError) as error:
            log.warning("registry.traffic_waits", error=str(error)[:200])
            self.buffer.put_back(batch)
        except Exception:
            log.exception("registry.traffic_lost")
        return 0

    def _tell_dropped(self) -> None:
        dropped = self.buffer.dropped
        TRAFFIC_DROPPED.inc(dropped - self._told)
        self._told = dropped


_noting = Noting()


def note(token: ApiToken, use: Use) -> None:
    """Keep that a token used something, unless the installation wants no traffic kept."""
    if settings.SCHEMAS_TRAFFIC_SECONDS:
        _noting.note(token, use)


def flush() -> int:
    """Write at once what this process kept."""
    return _noting.flush()


def _end() -> None:
    _noting.ending.set()
    if _noting.buffer.size:
        _noting.flush()


def _begin_anew() -> None:
    """A forked child has its parent's buffer, and none of its threads."""
    global _noting  # noqa: PLW0603  # one for each process
    _noting = Noting()


atexit.register(_end)
os.register_at_fork(after_in_child=_begin_anew)
