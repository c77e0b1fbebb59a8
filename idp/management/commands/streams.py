"""`manage.py streams`: event streams and the git endpoint by ASGI, and the judge of pushes.

One process beside the web servers, behind the same proxy; it holds the long connections.
"""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from types import FrameType
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from idp.listeners import LISTENERS

END_SECONDS = 5


class Command(BaseCommand):
    help = "Serve event streams and git by ASGI, and judge pushes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8001)

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        threads = [
            threading.Thread(target=import_string(name), args=(stop,), name=name)
            for name in LISTENERS
        ]
        for thread in threads:
            thread.start()
        signal.signal(signal.SIGTERM, _end)
        try:
            uvicorn.run(
                "idp.asgi:application",
                host=options["host"],
                port=options["port"],
                log_level="warning",
                lifespan="off",
                proxy_headers=False,  # rbac.requests judges X-Forwarded-For
                timeout_graceful_shutdown=END_SECONDS,
            )
        finally:
            stop.set()
            for thread in threads:
                thread.join(END_SECONDS)


def _end(_number: int, _frame: FrameType | None) -> None:
    """End in order: uvicorn raises the signal again when it is done, which would kill us."""
    raise SystemExit(0)
