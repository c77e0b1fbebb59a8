"""`manage.py run`: all of Slipway in one process on this machine, for a first look and for work.

State lives in `.slipway/` (SLIPWAY_STATE_DIR). The cluster and AWS are simulated, and the pages
say so; production runs the same code as separate processes (`docs/production.md`).
"""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from idp import demo, fresh, restart
from idp.embedded import Threads

HOST = "127.0.0.1"
END_SECONDS = 2  # for open event streams, on Ctrl-C


class Announcing(uvicorn.Server):
    """A server that calls back once it answers."""

    def __init__(self, config: uvicorn.Config, ready: Any) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


class Command(BaseCommand):
    help = "Run everything in one process, with demo data at the first start."
    requires_system_checks = []  # made by hand: this process starts itself anew first

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--no-demo", action="store_true", help="start empty")

    def handle(self, *args: Any, **options: Any) -> None:
        port: int = options["port"]
        if not settings.EMBEDDED:
            _again_embedded(port)
        self.check()
        listener = _listen(port)
        fresh.bring_up_to_date()
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns without it
        threads = Threads()
        try:
            self._start(threads, listener, port, with_demo=not options["no_demo"])
        except KeyboardInterrupt:
            pass  # the way to end it
        finally:
            self.stdout.write("Stopping …")
            threads.stop()

    def _start(
        self, threads: Threads, listener: socket.socket, port: int, *, with_demo: bool
    ) -> None:
        aws = threads.start_aws()
        first = with_demo and not demo.made()
        if first:
            self.stdout.write("First start: making demo data …")
            demo.make(aws)
        demo.point_account_at(aws)
        settings.DEMO_SIGN_IN = demo.sign_in_help()
        threads.start_work()
        if not first:
            self.stdout.write(restart.reconcile_simulated_aws())

        def ready() -> None:
            if first:
                threads.start("first environment", demo.make_first_environment)
            self.stdout.write(f"\n  Slipway is at http://localhost:{port}/   (Ctrl-C ends it)\n")
            self.stdout.flush()

        config = uvicorn.Config(
            "idp.asgi:application",
            log_level="warning",
            lifespan="off",
            proxy_headers=False,  # rbac.requests judges X-Forwarded-For
            http="httptools",
            timeout_graceful_shutdown=END_SECONDS,
        )
        Announcing(config, ready).run(sockets=[listener])


def _again_embedded(port: int) -> None:
    """Start this command anew with the settings of one process; does not return."""
    os.environ["SLIPWAY_EMBEDDED"] = "1"
    os.environ.setdefault("SLIPWAY_BASE_URL", f"http://localhost:{port}")
    os.execv(sys.executable, [sys.executable, *sys.argv])  # noqa: S606  # our own command line


def _listen(port: int) -> socket.socket:
    """The bound socket; raises `CommandError` where the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CommandError(
            f"Port {port} of this machine is taken. Choose another: make run PORT={port + 1}"
        ) from error
    listener.listen(100)
    return listener
