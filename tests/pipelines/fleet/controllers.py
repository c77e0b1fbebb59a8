"""Controllers of pods that tests start and kill: in a thread, at a chosen moment, as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from gitops.models import Cluster
from pipelines.backends.cluster import ClusterJobs
from pipelines.fleet import pods

EVERY = 0.2
_LOOKS = f"""
import time, django
django.setup()
from pipelines.fleet import pods
while True:
    pods.look()
    time.sleep({EVERY})
"""


class Killed(BaseException):
    """The process is gone in the middle of a step: no handler of errors sees this."""


class Controller:
    """The controller's look, again and again; one that was killed is followed by the next."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                pods.look()
            except Killed:
                connection.close()
        connection.close()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)


class Mortal:
    """A cluster whose caller is killed before and after each call, once for each call before it."""

    def __init__(self, inner: ClusterJobs) -> None:
        self._inner = inner
        self._last = ""
        self.killed: set[tuple[str, str, str]] = set()  # the call before, when, the call

    def of(self, _: Cluster) -> Mortal:
        self._last = ""  # a new look
        return self

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def watched(*given: Any) -> Any:
            what = f"{name} {given[0]}" if name in {"ensure", "delete"} else name
            self._moment("before", what)
            found = call(*given)
            self._moment("after", what)
            self._last = what
            return found

        return watched

    def _moment(self, when: str, what: str) -> None:
        if (self._last, when, what) not in self.killed:
            self.killed.add((self._last, when, what))
            raise Killed

    def calls(self) -> set[str]:
        """The calls around which it killed."""
        return {what for _, when, what in self.killed if when == "after"}


class ControllerProcess:
    """The same in a process of its own, on the test's database."""

    def __init__(self, output: Path) -> None:
        self.output = output
        settled = {
            "SLIPWAY_DATABASE_URL": _database(),
            "SLIPWAY_BASE_URL": settings.BASE_URL,
            "SLIPWAY_CI_RUNNER_PROJECTS": "",
            "SLIPWAY_CI_POD_ANNOTATIONS": " ".join(settings.CI_POD_ANNOTATIONS),
        }
        with output.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _LOOKS],
                env={**os.environ, **settled}, stdout=file, stderr=file, cwd=settings.BASE_DIR,
            )  # fmt: skip

    def end(self) -> None:
        """SIGKILL, wherever it is."""
        self.process.kill()
        self.process.wait(30)


def _database() -> str:
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['SLIPWAY_DATABASE_URL'].rpartition('/')[0]}/{name}"
