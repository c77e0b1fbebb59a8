from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from pytest_django import Settings

from gitops.hosted import receiving
from gitops.hosted.models import HostedRepository
from rbac.actors import Actor
from tests.gitops.hosts.fakes import FakeHost
from tests.gitops.hosts.making import FILE, connect, look
from tests.pipelines.runs.conftest import World, _places, finished, runs, world

__all__ = ["_places", "finished", "runs", "world"]


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    settings.GIT_HOSTS = ["127.0.0.1"]
    settings.GIT_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeHost]:
    with FakeHost("gitea", tmp_path / "host") as found:
        found.commit({".gitlab-ci.yml": FILE, "README.md": "Shop\n"})
        yield found


@pytest.fixture
def lead(world: World) -> Actor:
    return Actor(world.people.maintainer)


@pytest.fixture
def hosted(world: World, lead: Actor, fake: FakeHost) -> HostedRepository:
    """Connected, and looked at once."""
    return look(connect(lead, world.project, fake))


@pytest.fixture
def hooks(settings: Settings) -> Iterator[str]:
    """The receiver of webhooks in a thread; the address at which Slipway is then."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings.BASE_URL = url
    server = uvicorn.Server(
        uvicorn.Config(receiving.application, log_level="error", lifespan="off")
    )
    serving = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
    )
    serving.start()
    while not server.started:
        time.sleep(0.01)
    yield url
    server.should_exit = True
    serving.join(10)
