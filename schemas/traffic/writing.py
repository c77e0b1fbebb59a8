"""Writing what was seen: one upsert for a batch, and the sweep of what is long past.

Off the request: called by the writer of `schemas.traffic.noting`, and by the sweeper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from typing import Any

from django.db import connection
from django.utils import timezone

from schemas.dependants.checkins import MAX_HOURS
from schemas.traffic.buffer import Batch
from schemas.traffic.models import SeenTraffic
from schemas.traffic.resolving import Program, Subjects, programs

KEPT = timedelta(hours=MAX_HOURS)  # as long as the longest check-in
MAX_ROWS = 1000  # of one statement
_COLUMNS = (
    "token_id",
    "subject_id",
    "role",
    "holder",
    "component_id",
    "scope_id",
    "first_seen",
    "last_seen",
    "days",
)
_Key = tuple[int, int, str]  # token, subject, role


@dataclass(frozen=True)
class _Row:
    key: _Key
    program: Program
    at: datetime

    @property
    def values(self) -> tuple[Any, ...]:
        program = self.program
        place = (program.holder, program.component, program.scope)
        return (*self.key, *place, self.at, self.at, 1)


def write(batch: Batch) -> int:
    """Keep a batch; the number of rows that were written or moved. Raises database errors."""
    rows = sorted(_rows(batch), key=lambda row: (row.at.date(), row.key))
    for day, group in groupby(rows, key=lambda row: row.at.date()):
        today = list(group)  # in one order everywhere, so that two processes do not wait in a ring
        for start in range(0, len(today), MAX_ROWS):
            _upsert(today[start : start + MAX_ROWS], datetime.combine(day, time.min, UTC))
    return len(rows)


def _rows(batch: Batch) -> Iterable[_Row]:
    known = programs(batch.keys())
    theirs = {token: uses for token, uses in batch.items() if token in known}
    subjects = Subjects(theirs)
    last: dict[_Key, float] = {}
    for token, uses in theirs.items():
        for use, at in uses.items():
            for subject in subjects.of(use, known[token].actor):
                key = (token, subject, use.role.value)
                last[key] = max(at, last.get(key, at))
    for key, at in last.items():
        yield _Row(key, known[key[0]], datetime.fromtimestamp(at, UTC))


def _upsert(rows: Sequence[_Row], day: datetime) -> None:
    """One statement; a row that stands gets the later moment, and another day if it is one."""
    meta, quote = SeenTraffic._meta, connection.ops.quote_name
    fields: list[Any] = [meta.get_field(name.removesuffix("_id")) for name in _COLUMNS]

    def prepared(values: Iterable[Any]) -> list[Any]:
        pairs = zip(fields, values, strict=True)
        return [field.get_db_prep_save(value, connection) for field, value in pairs]

    table, names = quote(meta.db_table), ", ".join(map(quote, _COLUMNS))
    holes = ", ".join([f"({', '.join(['%s'] * len(_COLUMNS))})"] * len(rows))
    moved = ", ".join(
        f"{name} = excluded.{name}" for name in ("holder", "component_id", "scope_id")
    )
    sql = (
        f"INSERT INTO {table} ({names}) VALUES {holes}"  # noqa: S608  # names of our own columns
        f" ON CONFLICT (token_id, subject_id, role) DO UPDATE SET {moved},"
        f" days = {table}.days + CASE WHEN {table}.last_seen < %s THEN 1 ELSE 0 END,"
        f" last_seen = CASE WHEN {table}.last_seen < excluded.last_seen THEN excluded.last_seen"
        f" ELSE {table}.last_seen END"
    )
    (moment,) = [f.get_db_prep_save(day, connection) for f in fields if f.name == "last_seen"]
    params = [value for row in rows for value in prepared(row.values)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, moment])


def sweep() -> None:
    """Drop what was not seen for as long as the longest check-in counts."""
    SeenTraffic.objects.filter(last_seen__lt=timezone.now() - KEPT).delete()
