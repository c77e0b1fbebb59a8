"""An agent that runs as its own process against a server of this test, and its calls by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from pipelines.agent import forms
from pipelines.fleet import services
from pipelines.fleet.models import Agent
from rbac.actors import Actor
from tests.pipelines.runs.conftest import World, _places, world

__all__ = ["World", "_places", "world"]
ROOT = Path(__file__).resolve().parents[3]
SECONDS = 90.0
RUN = "from idp.cli import main; main()"


class Process:
    """`slipway agent run` beside the test."""

    def __init__(
        self, url: str, token: Path, *words: str, env: dict[str, str] | None = None
    ) -> None:
        command = [sys.executable, "-c", RUN, "agent", "run", "--url", url]
        command += ["--token-file", str(token), *words]
        self.output = token.with_suffix(".log")
        self.token = token
        base = {"PATH": os.environ["PATH"], "HOME": str(token.parent), "PYTHONPATH": str(ROOT)}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command, env={**base, **(env or {})}, stdout=output, stderr=output, cwd=token.parent
            )

    def end(self, sign: int = signal.SIGTERM) -> int:
        """Its exit code, after a signal."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        return self.process.wait(SECONDS)

    @property
    def text(self) -> str:
        return self.output.read_text()


class Caller:
    """Calls of an agent by hand, as whoever has its token could make them."""

    def __init__(self, token: str, instance: str = "by-hand") -> None:
        self.token, self.instance = token, instance
        self.client = Client()

    def call(self, method: str, path: str, data: bytes = b"", lease: str = "", **more: str) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token}",
            forms.INSTANCE: self.instance,
            forms.LEASE: lease,
            **more,
        }
        kind = "application/octet-stream"
        return self.client.generic(method, forms.PREFIX + path, data, kind, headers=headers)

    def claim(self, **asked: Any) -> forms.Claimed:
        answer = self.call("POST", "claim", msgspec.json.encode(forms.Claim(**asked)))
        assert answer.status_code == 200, answer.content
        return msgspec.json.decode(answer.content, type=forms.Claimed)


def until(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Wait until the condition holds; what it answered."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
    return found


@pytest.fixture
def made(world: World, settings: Any) -> tuple[Agent, str]:
    """An agent of the project, with two slots, and its token; Slipway itself runs nothing."""
    settings.CI_RUNNER_PROJECTS = []
    maintainer = Actor(world.people.maintainer)
    return services.create(maintainer, name="builder", project=world.project, slots=2)


@pytest.fixture
def caller(made: tuple[Agent, str]) -> Caller:
    return Caller(made[1])


@pytest.fixture
def attached(
    live_server: LiveServer, made: tuple[Agent, str], tmp_path: Path
) -> Iterator[Callable[..., Process]]:
    """Starts the agent; every process is ended with the test."""
    processes: list[Process] = []
    token = tmp_path / "agent.token"
    token.write_text(made[1])

    def start(*words: str, **options: Any) -> Process:
        own = ("--slots", "2", "--dir", str(tmp_path / "work"), *words)
        processes.append(Process(live_server.url, token, *own, **options))
        return processes[-1]

    yield start
    for one in processes:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)
