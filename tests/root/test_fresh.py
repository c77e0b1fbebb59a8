"""An empty database gets the same tables at once as migration by migration."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[2]
MAKE = "from idp.fresh import make_tables; print(make_tables(), make_tables())"


def made(state: Path, *words: str, database: str = "") -> str:
    state.mkdir()
    environment = {**os.environ, "SLIPWAY_STATE_DIR": str(state)}
    environment.pop("SLIPWAY_DATABASE_URL", None)
    if database:
        environment["SLIPWAY_DATABASE_URL"] = database
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    return done.stdout


def facts(state: Path) -> dict[str, object]:
    """Columns and indexes by table, and the migrations that count as done."""
    with sqlite3.connect(state / "slipway.sqlite3") as found:
        rows = found.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = [name for (name,) in rows if not name.startswith("sqlite_")]
        columns = {
            name: sorted(
                (column, kind, needed)
                for _, column, kind, needed, *_ in found.execute(f'PRAGMA table_info("{name}")')
            )
            for name in tables
        }
        indexes = {
            name: sorted(
                (unique, partial, tuple(_columns(found, index)))
                for _, index, unique, _, partial in found.execute(f'PRAGMA index_list("{name}")')
            )
            for name in tables
        }
        checks = {
            name: sql.upper().count(" CHECK ")
            for name, sql in found.execute("SELECT name, sql FROM sqlite_master WHERE type='table'")
        }
        done = sorted(found.execute("SELECT app, name FROM django_migrations").fetchall())
    return {"columns": columns, "indexes": indexes, "checks": checks, "done": done}


def _columns(found: sqlite3.Connection, index: str) -> list[str]:
    return [str(row[2]) for row in found.execute(f'PRAGMA index_info("{index}")')]


def test_both_ways_make_the_same(tmp_path: Path) -> None:
    at_once, step_by_step = tmp_path / "a", tmp_path / "b"
    assert "True False" in made(at_once, "shell", "-c", MAKE)
    made(step_by_step, "migrate", "--verbosity", "0")
    first, second = facts(at_once), facts(step_by_step)
    for what in ("columns", "indexes", "checks", "done"):
        assert first[what] == second[what], what


# What PostgreSQL knows of the tables, by its own words; names of indexes say nothing of them.
CATALOG = {
    # Django's migrations make the ids of one table of its own larger than its model says; no code
    # here reads or writes that table.
    "columns": """
        SELECT table_name, column_name, udt_name, character_maximum_length, is_nullable,
            column_default, is_identity
        FROM information_schema.columns WHERE table_schema = 'public'
            AND (table_name, column_name) <> ('auth_group_permissions', 'id')""",
    "indexes": r"""
        SELECT tablename, regexp_replace(indexdef, 'INDEX \S+ ON', 'INDEX ON')
        FROM pg_indexes WHERE schemaname = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "done": "SELECT app, name FROM django_migrations",
}


def catalog(database: str) -> dict[str, list[str]]:
    with psycopg.connect(database, connect_timeout=5) as found:
        return {
            what: sorted(map(repr, found.execute(query).fetchall()))
            for what, query in CATALOG.items()
        }


def test_both_ways_make_the_same_on_postgres(tmp_path: Path, postgres_server: str) -> None:
    made(tmp_path / "b", "migrate", "--verbosity", "0", database=postgres_server)
    second = catalog(postgres_server)
    with psycopg.connect(postgres_server, autocommit=True, connect_timeout=5) as emptied:
        emptied.execute("DROP SCHEMA public CASCADE")
        emptied.execute("CREATE SCHEMA public")
    assert "True False" in made(tmp_path / "a", "shell", "-c", MAKE, database=postgres_server)
    first = catalog(postgres_server)
    for what in CATALOG:
        assert second[what], what
        assert first[what] == second[what], what
