"""A live database, and the server whose scratch databases declared SQL is loaded into."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from schemas.backends import scratch
from schemas.relational.model import Model


@pytest.fixture
def scratch_server(_postgres: str) -> str:
    """The URL of a PostgreSQL server, as its superuser."""
    return _postgres


@pytest.fixture
def declared(scratch_server: str) -> Callable[[str], Model]:
    """The model of a declaration."""
    return lambda sql: scratch.load(sql, scratch_server).model


@pytest.fixture
def run(postgres_server: str) -> Callable[..., None]:
    """Runs statements in the live database."""

    def each(*statements: str) -> None:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    return each


@pytest.fixture
def complex_sql() -> str:
    """A declaration with every kind of object that a model holds."""
    return (Path(__file__).parent / "complex.sql").read_text()
