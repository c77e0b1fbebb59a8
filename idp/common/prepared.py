"""A statement that the database plans once for each connection, where it can.

Django binds values on its own side, so PostgreSQL parses and plans every query anew; for the
registry's hot paths that costs more than the answer. Called by `idp.common.compiled`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connection


def fetch(sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows that it answers, as the driver gives them; raises Django's database errors.

    Prepared on PostgreSQL, unless `SLIPWAY_DATABASE_PREPARED` is off: poolers that give each
    transaction another connection may not know prepared statements.
    """
    connection.ensure_connection()
    raw = connection.connection
    watched = connection.queries_logged or connection.execute_wrappers
    if watched or getattr(raw, "prepare_threshold", None) is None:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []
    with connection.wrap_database_errors, psycopg.Cursor(raw) as prepared:
        prepared.execute(sql.encode(), params, prepare=True)
        answer = prepared.pgresult  # `description` would make an object of each column
        return prepared.fetchall() if answer is not None and answer.nfields else []
