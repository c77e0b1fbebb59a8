"""A database `orders/main`, a live PostgreSQL for it, and clients of its pages and REST."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from rbac.actors import Actor
from rbac.models import User
from schemas.databases import services
from schemas.databases.models import Database, DatabaseInstance
from tests.rbac.factories import Characters

Run = Callable[..., None]


@dataclass
class Rest:
    """JSON below /api/v1/, as one person."""

    client: Client

    def __call__(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.generic(
            method,
            f"/api/v1/{path}",
            data=b"" if body is None else json.dumps(body),
            content_type="application/json",
        )
        assert answer.status_code == status, answer.content[:2000]
        return answer.json() if answer.content else None


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def rest(people: Characters) -> Callable[[str], Rest]:
    """REST as one of the standing characters."""
    return lambda name: Rest(signed_in(getattr(people, name)))


@pytest.fixture
def mia(people: Characters) -> Actor:
    return Actor(people.maintainer)


@pytest.fixture
def database(people: Characters, mia: Actor) -> Database:
    return services.add_database(mia, people.project, name="main", component="orders-api")


@pytest.fixture
def on_loopback(settings: Settings) -> None:
    settings.SCHEMAS_DATABASE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


@pytest.fixture
def scratch_url(_postgres: str, settings: Settings) -> str:
    settings.SCHEMAS_SCRATCH_URL = _postgres
    return _postgres


@pytest.fixture
def run(postgres_server: str, on_loopback: None) -> Run:
    """Runs statements in the live database, or in the one at a URL."""

    def each(*statements: str, at: str = postgres_server) -> None:
        with psycopg.connect(at, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return each


@pytest.fixture
def another_database(postgres_server: str) -> Iterator[str]:
    """The URL of a second live database on the same server."""
    first = postgres_server.rsplit("/", 1)[1]
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {first}_b".encode())
        yield f"{postgres_server}_b"
        connection.execute(f"DROP DATABASE {first}_b WITH (FORCE)".encode())


@pytest.fixture
def staging(database: Database, mia: Actor, postgres_server: str, run: Run) -> DatabaseInstance:
    return services.add_instance(mia, database, environment="staging", url=postgres_server)
