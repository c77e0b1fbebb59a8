"""Sending work to Celery by name, after commit; services call `enqueue` and never import tasks.

A message only says "look at row 42". When the broker is away the row stays, and the sweeper of
`idp.changes` sends it again: so publishing has one second, no retry, and raises nothing.
"""

from __future__ import annotations

import time
from functools import cache, partial
from threading import Lock
from typing import Any

import structlog
from celery import Celery
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from kombu import Connection
from kombu.pools import producers

from idp.common.metrics import NOT_SENT

PUBLISH_SECONDS = 1
PAUSE_SECONDS = 5  # after a failed publish: the sweeper's own interval

log = structlog.get_logger(__name__)


class _Breaker:
    """Skips publishing for a while after a failure, so that an outage costs one wait, not each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until = 0.0

    def is_open(self) -> bool:
        with self._lock:
            return time.monotonic() < self._until

    def open(self) -> None:
        with self._lock:
            self._until = time.monotonic() + PAUSE_SECONDS

    def close(self) -> None:
        with self._lock:
            self._until = 0.0


breaker = _Breaker()


@cache
def celery_app() -> Celery:
    """The application that `settings.CELERY_APP` names."""
    app = import_string(settings.CELERY_APP)
    if not isinstance(app, Celery):
        raise TypeError(f"CELERY_APP names {type(app).__name__}, not a Celery application")
    return app


@cache
def _connection() -> Connection:
    """The connection for publishing: like the workers', with shorter deadlines."""
    app = celery_app()
    options = {
        **app.conf.broker_transport_options,
        "socket_timeout": PUBLISH_SECONDS,
        "socket_connect_timeout": PUBLISH_SECONDS,
    }
    return app.connection_for_write(connect_timeout=PUBLISH_SECONDS, transport_options=options)


def enqueue(name: str, **kwargs: Any) -> None:
    """Send task `name` with JSON arguments when the transaction commits; never raises."""
    transaction.on_commit(partial(send, name, kwargs), robust=True)


def send(name: str, kwargs: dict[str, Any]) -> bool:
    """Publish now; False, with a warning in the log, where the broker did not take it."""
    if breaker.is_open():
        return False
    try:
        with producers[_connection()].acquire(block=True, timeout=PUBLISH_SECONDS) as producer:
            celery_app().send_task(name, kwargs=kwargs, producer=producer, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever the transport raises, the row stays
        breaker.open()
        NOT_SENT.labels(name).inc()
        log.warning("job.not_sent", task=name, error=type(error).__name__)
        return False
    breaker.close()
    return True
