"""A statement that the database plans once for each connection, where it can.

Django binds values on its own side, so PostgreSQL parses and plans every query anew; for the
registry's hot paths that costs more than the answer. Called by `idp.common.compiled`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

KEPT = 4096  # statements in PostgreSQL's own form
_HOLE = re.compile("%%|%s")


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that it answers, as the driver gives them; raises Django's database errors.

    Prepared on PostgreSQL, unless `SLIPWAY_DATABASE_PREPARED` is off: poolers that give each
    transaction another connection may not know prepared statements.
    """
    here = connections[DEFAULT_DB_ALIAS]  # `connection` would look for it at each use
    here.ensure_connection()
    raw = here.connection
    watched = here.queries_logged or here.execute_wrappers
    if watched or getattr(raw, "prepare_threshold", None) is None:
        with here.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []
    with here.wrap_database_errors, psycopg.RawCursor(raw) as prepared:
        prepared.execute(_numbered(sql), params, prepare=True)
        answer = prepared.pgresult  # `description` would make an object of each column
        return prepared.fetchall() if answer is not None and answer.nfields else []


@lru_cache(maxsize=KEPT)
def _numbered(sql: str) -> bytes:
    """The statement with PostgreSQL's own $1, $2, …: psycopg would rewrite it at every call."""
    numbers = count(1)

    def numbered(hole: re.Match[str]) -> str:
        return "%" if hole[0] == "%%" else f"${next(numbers)}"

    return _HOLE.sub(numbered, sql).encode()
