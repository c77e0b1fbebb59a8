"""A worker that stopped consuming ends itself, so that its supervisor starts it anew.

Kill -9 and restart of Redis leaves Celery workers alive that consume nothing for ever. So each
worker sends itself a heartbeat through its own queue and measures that it arrives: consumption,
not liveness. What it held meanwhile is taken over by lease.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from celery.signals import task_received, worker_ready, worker_shutting_down
from celery.utils.nodenames import worker_direct

from idp.changes import wakeups

log = logging.getLogger(__name__)

TASK = "changes.heartbeat"
BEAT_SECONDS = 15.0
PATIENCE = 4  # heartbeats that were taken by the broker and did not come back
GRACE_SECONDS = 10.0


class Watchdog:
    """Counts heartbeats that the broker took since anything was last received."""

    def __init__(self, send: Callable[[], object], stop_worker: Callable[[], object]) -> None:
        self._send = send
        self._stop_worker = stop_worker
        self._missing = 0
        self._lock = threading.Lock()
        self.stopping = threading.Event()

    def received(self) -> None:
        """Something came from the broker: this worker consumes."""
        with self._lock:
            self._missing = 0

    def beat(self) -> bool:
        """Send one heartbeat; False once too many were taken and none came back."""
        with self._lock:
            if self._missing >= PATIENCE:
                return False
        try:
            self._send()
        except Exception:  # noqa: BLE001 - a broker that is away is no fault of this worker
            log.warning("the broker takes no heartbeat of this worker")
            self.received()  # what was under way is lost with it: count anew when it is back
            return True
        with self._lock:
            self._missing += 1
        return True

    def run(self) -> None:
        """Beat until the worker ends or is found to consume nothing."""
        while not self.stopping.wait(BEAT_SECONDS):
            if not self.beat():
                log.critical("this worker consumes nothing; it ends, to be started anew")
                self._stop_worker()
                return


def end_process() -> None:
    """Ask this process to end in order, and end it hard when it does not."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(70)


def start(app: Any, hostname: str) -> Watchdog:
    """Watch over the worker `hostname` of this process."""
    queue = worker_direct(hostname)

    def send() -> None:
        with app.connection_for_write(connect_timeout=2) as connection:
            app.send_task(
                TASK, queue=queue, connection=connection, retry=False, expires=BEAT_SECONDS * 8
            )

    dog = Watchdog(send, end_process)
    threading.Thread(target=dog.run, name="watchdog", daemon=True).start()
    return dog


_dogs: list[Watchdog] = []


@worker_ready.connect
def _on_ready(sender: Any = None, **_: Any) -> None:
    if wakeups.redis_url():  # the transport inside this process has no server to lose
        _dogs.append(start(sender.app, sender.hostname))


@task_received.connect
def _on_received(**_: Any) -> None:
    for dog in _dogs:
        dog.received()


@worker_shutting_down.connect
def _on_shutdown(**_: Any) -> None:
    for dog in _dogs:
        dog.stopping.set()
