"""`manage.py runner`: runs jobs as processes of this machine until it is told to stop."""

from __future__ import annotations

import gc
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from pipelines.executors import local
from pipelines.running.users import UserError, account


class Command(BaseCommand):
    help = "Run pipelines' jobs of trusted projects on this machine. SIGTERM ends it in order."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.CI_RUNNER_SLOTS or not settings.CI_RUNNER_PROJECTS:
            raise CommandError(
                "Nothing may run here. Name the projects that you trust with processes of this"
                " machine in SLIPWAY_CI_RUNNER_PROJECTS (* is all), and SLIPWAY_CI_RUNNER_SLOTS."
            )
        try:
            account(settings.CI_JOB_USER)
        except UserError as error:
            raise CommandError(f"SLIPWAY_CI_JOB_USER: {error}") from error
        stop = threading.Event()

        def end(_number: int, _frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        gc.collect()
        gc.freeze()  # what is loaded stays
        local.serve(stop)
        self.stdout.write("runner stopped")
