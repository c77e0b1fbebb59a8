"""Fixtures of a whole Slipway: production's processes, each real, on PostgreSQL and Redis."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
import redis

from deploy import scene
from deploy.processes import NAMES, Installation
from deploy.servers import start_moto
from deploy.supervisor import Supervisor
from deploy.testbed.control_plane import ControlPlane

AWS = {"region_name": "eu-central-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}


@dataclass
class Running:
    """A running Slipway, and the ways of its people to reach it."""

    installation: Installation
    aws_url: str
    tokens: dict[str, str]

    def client(self, person: str) -> scene.Client:
        return scene.Client(self.installation.url, self.tokens[person])

    def aws(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.aws_url, **AWS)

    def slipway(self, person: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
        """The `slipway` command as a person runs it."""
        env = {
            "SLIPWAY_URL": self.installation.url,
            "SLIPWAY_TOKEN": self.tokens[person],
            "XDG_CONFIG_HOME": str(home),
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }
        program = Path(sys.executable).with_name("slipway")
        return _run([str(program), *words], env, home)

    def git(self, person: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """`git` with a home of its own, asked for no password."""
        env = {
            "HOME": str(folder),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_AUTHOR_NAME": "Someone Else",
            "GIT_AUTHOR_EMAIL": "else@example.test",
            "GIT_COMMITTER_NAME": person,
            "GIT_COMMITTER_EMAIL": f"{person}@example.test",
        }
        return _run(["git", *words], env, folder)

    def repository(self, person: str, project: str = scene.PROJECT) -> str:
        port = self.installation.streams_port
        return f"http://{person}:{self.tokens[person]}@127.0.0.1:{port}/git/{project}.git"


def _run(command: list[str], env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("SLIPWAY_")}
    return subprocess.run(
        command,
        env={**kept, **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _database(server: str) -> str:
    """A new database: two modules of one session must not meet in it."""
    name = f"whole_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rsplit('/', 1)[0]}/{name}"


def _emptied(server: str, database: int) -> str:
    """A database of Redis without what another module left in it."""
    url = f"{server.rsplit('/', 1)[0]}/{database}"
    with redis.Redis.from_url(url, socket_timeout=5) as connection:
        connection.flushdb()
    return url


def _started(
    make: Callable[[str], Supervisor], database: str, redis: str, kubeconfig: Path | None
) -> Running:
    aws, _ = start_moto(make("moto"))
    installation = Installation(make("slipway"), database, redis)
    installation.prepare()
    tokens = scene.write(installation, kubeconfig=kubeconfig, aws=aws)
    for name in NAMES:
        installation.start(name)
    return Running(installation, aws, tokens)


@pytest.fixture(scope="module")
def processes(
    supervisor: Callable[[str], Supervisor], _postgres: str, _redis: str
) -> Iterator[Running]:
    """Web, streams, worker and controller over a simulated cluster."""
    running = _started(supervisor, _database(_postgres), _emptied(_redis, 1), None)
    yield running
    running.installation.supervisor.stop()


@pytest.fixture(scope="module")
def on_cluster(
    supervisor: Callable[[str], Supervisor],
    control_plane: ControlPlane,
    _postgres: str,
    _redis: str,
) -> Iterator[Running]:
    """The same over the real control plane."""
    kubeconfig = control_plane.kubeconfig
    running = _started(supervisor, _database(_postgres), _emptied(_redis, 2), kubeconfig)
    yield running
    running.installation.supervisor.stop()
