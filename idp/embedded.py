"""Everything in one process: the threads that `manage.py run` keeps beside its web server.

A worker on Celery's in-memory transport, the controller, the judge of pushes and a simulated AWS.
All end within seconds of `stop()`; what was under way is taken up again at the next start, from
its row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from celery.worker import WorkController, state
from django.utils.module_loading import import_string
from moto.server import ThreadedMotoServer

from idp.celery import app
from idp.changes import controller
from idp.listeners import LISTENERS, WORKERS

log = logging.getLogger(__name__)

WORKER_THREADS = 4
STOP_SECONDS = 5.0


class Threads:
    """Named threads with one stop event; a thread that fails is logged, not hidden."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._worker: WorkController | None = None
        self._moto: ThreadedMotoServer | None = None

    def start(self, name: str, work: Callable[[threading.Event], object]) -> None:
        def run() -> None:
            try:
                work(self.stopping)
            except Exception:
                log.exception("%s ended", name)

        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def start_aws(self) -> str:
        """Start a simulated AWS on a free port; its address."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._moto.start()
        host, port = self._moto.get_host_and_port()
        return f"http://{host}:{port}"

    def start_work(self) -> None:
        """Start the worker, the controller and what else listens."""
        ready = threading.Event()
        self.start("worker", lambda _: self._work(ready))
        ready.wait(10)
        self.start("controller", controller.run_forever)
        for name in (*LISTENERS, *WORKERS):
            self.start(name.split(".")[0], import_string(name))

    def _work(self, ready: threading.Event) -> None:
        app.finalize()
        self._worker = WorkController(
            app=app,
            pool="threads",
            concurrency=WORKER_THREADS,
            hostname="embedded@localhost",
            ready_callback=lambda _: ready.set(),
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
        )
        self._worker.start()

    def stop(self) -> None:
        """Ask all of them to end and wait a few seconds."""
        self.stopping.set()
        if self._worker is not None:
            # The exit status; None and False mean to go on.
            state.should_stop = 0  # type: ignore[assignment]  # Celery's stubs know None only
            self._worker.stop()
        if self._moto is not None:
            self._moto.stop()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
