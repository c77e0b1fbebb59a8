"""Queries that the hot paths ask thousands of times a second, compiled by Django once.

Building a query costs several times what the database needs to answer it. The SQL is Django's own,
kept with markers in the place of the values that change from call to call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


@dataclass(frozen=True)
class Compiled:
    """One SELECT; `holes` are the positions of the values to fill in, in the markers' order."""

    sql: str
    params: tuple[Any, ...]
    holes: tuple[tuple[int, ...], ...]

    def row(self, *values: Any) -> tuple[Any, ...] | None:
        """The first row, its columns as the database's driver gives them."""
        if not self.sql:
            return None
        params = list(self.params)
        for positions, value in zip(self.holes, values, strict=True):
            for position in positions:
                params[position] = value
        with connection.cursor() as cursor:
            cursor.execute(self.sql, params)
            found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def compile_rows(rows: QuerySet[Any, Any], markers: Sequence[Any]) -> Compiled:
    """The query of `rows`, each marker a value that stands nowhere else in it."""
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return Compiled("", (), ())
    holes = tuple(
        tuple(at for at, value in enumerate(params) if value == marker) for marker in markers
    )
    if not all(holes):
        raise ValueError("A marker is missing in the compiled query.")
    return Compiled(sql, tuple(params), holes)
