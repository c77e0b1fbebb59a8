"""An empty database gets the same tables at once as migration by migration."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKE = "from idp.fresh import make_tables; print(make_tables(), make_tables())"


def made(state: Path, *words: str) -> str:
    state.mkdir()
    environment = {**os.environ, "SLIPWAY_STATE_DIR": str(state)}
    environment.pop("SLIPWAY_DATABASE_URL", None)
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
