"""`manage.py controller`: sweeps, observes and watches until it is told to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from idp.changes import controller


class Command(BaseCommand):
    help = "Run the controller: one leads, others stand by. SIGTERM ends it in order."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        controller.run_forever(stop)
        self.stdout.write("controller stopped")
