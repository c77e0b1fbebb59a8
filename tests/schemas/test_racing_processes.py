"""Two hundred registrations of one subject from four processes, and SIGKILL in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from deploy.processes import ROOT, Installation
from deploy.supervisor import Supervisor
from tests.schemas import live, publisher
from tests.schemas.live import Registry

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
SUBJECT = "raced-value"
PUBLISHERS, EACH = 4, 50
SECONDS = 240


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def registry(
    request: pytest.FixtureRequest, supervisor: Callable[[str], Supervisor]
) -> Iterator[Registry]:
    home = supervisor(f"raced-{request.param}")
    database = f"sqlite:///{home.directory}/raced.sqlite3"
    if request.param == "postgres":
        server = request.getfixturevalue("_postgres")
        with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
            connection.execute("CREATE DATABASE registry_raced")
        database = f"{server.rsplit('/', 1)[0]}/registry_raced"
    yield live.start(Installation(home, database, ""))
    home.stop()


def started(registry: Registry, number: int, output: Path) -> subprocess.Popen[bytes]:
    """A publisher; every second one speaks to the other server."""
    urls = list(registry.servers.values())
    words = [urls[number % len(urls)], SUBJECT, str(number * EACH), str(EACH)]
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.schemas.publisher", *words],
            stdout=file,
            cwd=ROOT,
            env={**os.environ, "REGISTRY_TOKEN": registry.token},
        )


def answers(outputs: list[Path]) -> list[Mapping[str, Any]]:
    lines = [line for output in outputs for line in output.read_text().splitlines()]
    return [json.loads(line) for line in lines]


def kill(registry: Registry, name: str) -> None:
    """SIGKILL one server with all its workers, and start it again."""
    supervisor = registry.installation.supervisor
    program = next(one for one in supervisor.programs if one.name == name)
    program.signal(signal.SIGKILL)
    program.process.wait(10)
    supervisor.restart(program)


def test_versions_have_no_gap_and_nothing_answered_is_lost(
    registry: Registry, tmp_path: Path
) -> None:
    outputs = [tmp_path / f"{number}.jsonl" for number in range(PUBLISHERS)]
    processes = [started(registry, number, output) for number, output in enumerate(outputs)]
    waiting = [(30, "web"), (70, "streams"), (110, "web")]
    ends = time.monotonic() + SECONDS
    try:
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < ends, answers(outputs)
            if waiting and len(answers(outputs)) >= waiting[0][0]:
                kill(registry, waiting.pop(0)[1])
            time.sleep(0.05)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert not waiting, "every kill fell into the race"
    found = answers(outputs)
    assert {answer["status"] for answer in found} == {200}
    total = PUBLISHERS * EACH
    assert sorted(answer["version"] for answer in found) == list(range(1, total + 1))
    assert sorted(answer["id"] for answer in found) == list(range(1, total + 1))
    _all_stand(registry, found)


def _all_stand(registry: Registry, found: list[Mapping[str, Any]]) -> None:
    """Every answered version holds the text that was published under it."""
    headers = {"Authorization": f"Bearer {registry.token}"}
    url = registry.servers["gunicorn"]
    with httpx.Client(base_url=url, headers=headers, timeout=20) as client:
        listed = client.get(f"/subjects/{SUBJECT}/versions").json()
        assert listed == list(range(1, len(found) + 1))
        for answer in found:
            said = client.get(f"/subjects/{SUBJECT}/versions/{answer['version']}").json()
            assert json.loads(said["schema"]) == json.loads(publisher.text(answer["number"]))
            assert said["id"] == answer["id"]
