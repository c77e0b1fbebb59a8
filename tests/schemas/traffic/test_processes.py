"""Two servers over one database write what they saw: together, after a kill, and at their end."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest

from deploy.processes import Installation
from deploy.supervisor import Program, Supervisor, answers, wait_until
from tests.schemas import live
from tests.schemas.live import Registry
from tests.schemas.wire import avro

pytestmark = [pytest.mark.slow, pytest.mark.loopback]
NAME = "seen-value"
ACCOUNT = """
from datetime import timedelta
from django.utils import timezone
from rbac.actors import system
from rbac.models import Project, Role, User
from rbac.actors import Actor
from rbac.services import create_service_account, create_token
from rbac.services.bindings import bind_role
project, liam = Project.objects.get(name="orders"), User.objects.get(username="liam")
user = create_service_account(Actor(liam), project=project, name="reports").user
role = Role.objects.get(name="viewer")
bind_role(system("tests"), role=role, user=user, scope=project.scope)
_, text = create_token(
    Actor(liam), user=user, name="reader", permissions=[], scope=None,
    expires_at=timezone.now() + timedelta(days=1))
print(text)
"""
ROWS = """
SELECT holder, role, name, days FROM schemas_seentraffic t JOIN schemas_subject s
ON s.id = t.subject_id ORDER BY holder, role
"""


class Reading:
    """A registry with one subject, and the service account that reads it."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        words = ("shell", "-v0", "-c")
        self.token = registry.installation.manage(*words, ACCOUNT).strip().splitlines()[-1]
        url = f"{registry.servers['gunicorn']}/subjects/{NAME}/versions"
        body = {"schema": avro(("id", "int"))}
        headers = {"Authorization": f"Bearer {registry.token}"}
        assert httpx.post(url, json=body, headers=headers, timeout=20).status_code == 200

    def read(self, server: str, path: str = "/schemas/ids/1") -> None:
        url = f"{self.registry.servers[server]}{path}"
        headers = {"Authorization": f"Bearer {self.token}"}
        assert httpx.get(url, headers=headers, timeout=20).status_code == 200

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Straight from the database, whichever it is."""
        url = self.registry.installation.database
        if url.startswith("sqlite"):
            with sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20) as file:
                return file.execute(sql).fetchall()
        with psycopg.connect(url, connect_timeout=5) as server:
            found = server.execute(sql.encode())
            return found.fetchall() if found.description else []

    def rows(self) -> list[tuple[Any, ...]]:
        return self.ask(ROWS)

    def program(self, name: str) -> Program:
        programs = self.registry.installation.supervisor.programs
        return next(one for one in programs if one.name == name)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def reading(
    request: pytest.FixtureRequest, supervisor: Callable[[str], Supervisor]
) -> Iterator[Callable[[int], Reading]]:
    home = supervisor(f"traffic-{request.param}")

    def make(seconds: int) -> Reading:
        database = f"sqlite:///{home.directory}/traffic.sqlite3"
        if request.param == "postgres":
            server = request.getfixturevalue("_postgres")
            name = f"registry_traffic_{seconds}"
            with psycopg.connect(server, autocommit=True, connect_timeout=5) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            database = f"{server.rsplit('/', 1)[0]}/{name}"
        extra = {"SLIPWAY_SCHEMAS_TRAFFIC_SECONDS": str(seconds)}
        return Reading(live.start(Installation(home, database, "", extra)))

    yield make
    home.stop()


def test_two_servers_keep_one_row_and_a_kill_loses_only_what_waited(
    reading: Callable[[int], Reading],
) -> None:
    world = reading(1)
    for number in range(20):
        world.read(("gunicorn", "uvicorn")[number % 2])
    seen = [("orders.reports", "consumer", NAME, 1)]
    wait_until(lambda: world.rows() == seen, seconds=30, what="writing what both saw")
    web = world.program("web")
    world.read("gunicorn", f"/subjects/{NAME}/versions/1")
    web.signal(signal.SIGKILL)
    web.process.wait(10)
    world.registry.installation.supervisor.restart(web)
    url = world.registry.installation.url
    wait_until(lambda: answers(f"{url}/healthz"), seconds=60, what="the server's coming back")
    world.read("gunicorn")
    wait_until(lambda: world.rows() == seen, seconds=30, what="writing after the kill")


def test_what_waits_is_written_when_a_server_ends(reading: Callable[[int], Reading]) -> None:
    world = reading(3600)
    for server, name in (("gunicorn", "web"), ("uvicorn", "streams")):
        world.ask("DELETE FROM schemas_seentraffic")
        world.read(server)
        assert world.rows() == []
        program = world.program(name)
        program.signal(signal.SIGTERM)
        program.process.wait(30)
        assert world.rows() == [("orders.reports", "consumer", NAME, 1)], program.tail()
