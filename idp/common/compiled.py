"""Statements that the hot paths run thousands of times a second, compiled by Django once.

Building one costs several times what the database needs to answer it. The SQL is Django's own, kept
with markers in the place of the values that change from call to call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Model, QuerySet
from django.db.models.query import get_related_populators
from django.db.models.sql import InsertQuery, UpdateQuery

from idp.common import prepared

M = TypeVar("M", bound=Model)


class Statement(NamedTuple):
    """A write with its values, to be run beside another (`CompiledInsert.insert`)."""

    sql: str
    params: Sequence[Any]


@dataclass(frozen=True)
class Compiled:
    """One statement; `holes` are the positions of the values to fill in, in the markers' order."""

    sql: str
    params: tuple[Any, ...]
    holes: tuple[tuple[int, ...], ...]

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:
        """The rows, their columns as the database's driver gives them."""
        return prepared.fetch(*self.filled(*values)) if self.sql else []

    def filled(self, *values: Any) -> Statement:
        params = list(self.params)
        for positions, value in zip(self.holes, values, strict=True):
            fitting = _fitting(value)
            for position in positions:
                params[position] = fitting
        return Statement(self.sql, params)

    def row(self, *values: Any) -> tuple[Any, ...] | None:
        found = self.rows(*values)
        return found[0] if found else None

    def write(self, *values: Any) -> None:
        """Run what `compile_update` made; a failure voids the transaction around it."""
        with transaction.mark_for_rollback_on_error(using=DEFAULT_DB_ALIAS):
            self.rows(*values)


def compile_rows(rows: QuerySet[Any, Any], markers: Sequence[Any]) -> Compiled:
    """The query of `rows`, each marker a value that stands nowhere else in it."""
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return Compiled("", (), ())
    return _with_holes(sql, params, markers)


def compile_update(
    rows: QuerySet[Any, Any], values: Mapping[str, Any], markers: Sequence[Any]
) -> Compiled:
    """The UPDATE of `rows` to `values`, markers among both."""
    query: Any = rows.query.chain(UpdateQuery)
    query.add_update_values(values)
    sql, params = query.get_compiler(DEFAULT_DB_ALIAS).as_sql()
    return _with_holes(sql, params, markers)


def _fitting(value: Any) -> Any:
    """A value as the backend's driver takes it: SQLite knows no moments, for one."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def _with_holes(sql: str, params: Sequence[Any], markers: Sequence[Any]) -> Compiled:
    fitting = map(_fitting, markers)
    holes = tuple(
        tuple(at for at, value in enumerate(params) if value == marker) for marker in fitting
    )
    if not all(holes):
        raise ValueError("A marker is missing in the compiled query.")
    return Compiled(sql, tuple(params), holes)


class CompiledInsert(Generic[M]):
    """The INSERT of one row of a model, as `save(force_insert=True)` writes it; no signal is sent.

    A key that the database counts is taken from there.
    """

    def __init__(self, model: type[M]) -> None:
        meta = model._meta
        self._counted = meta.auto_field
        self._fields = [
            field
            for field in meta.local_concrete_fields
            if not field.generated and field is not self._counted
        ]
        query = InsertQuery(model)
        query.insert_values(self._fields, [model()], raw=True)
        maker: Any = query.get_compiler(DEFAULT_DB_ALIAS)
        maker.returning_fields = meta.db_returning_fields
        ((self._sql, _),) = maker.as_sql()

    def filled(self, row: M) -> Statement:
        here = connections[DEFAULT_DB_ALIAS]  # the proxy looks for it at each use
        values = [
            field.get_db_prep_save(field.pre_save(row, add=True), here) for field in self._fields
        ]
        return Statement(self._sql, values)

    def insert(self, row: M, *beside: Statement) -> None:
        """Write a row that is not written yet, and give it its key.

        Writes to other rows go along `beside` it: on PostgreSQL in one statement, with one journey.
        """
        with transaction.mark_for_rollback_on_error(using=DEFAULT_DB_ALIAS):
            given = _fetch(self.filled(row), beside)
        if self._counted is not None:
            setattr(row, self._counted.attname, given[0][0])
        state = row._state  # noqa: SLF001  # left as `Model.save` leaves it
        state.adding, state.db = False, DEFAULT_DB_ALIAS


def _fetch(last: Statement, beside: Sequence[Statement]) -> list[tuple[Any, ...]]:
    if connection.vendor != "postgresql":  # others know no CTE that writes
        for one in beside:
            prepared.fetch(*one)
        return prepared.fetch(*last)
    params = [value for one in (*beside, last) for value in one.params]
    return prepared.fetch(_joined(last.sql, *(one.sql for one in beside)), params)


@lru_cache(maxsize=1024)
def _joined(last: str, *beside: str) -> str:
    if not beside:
        return last
    parts = ", ".join(f"beside_{at} AS ({sql})" for at, sql in enumerate(beside))
    return f"WITH {parts} {last}"


class CompiledModels(Generic[M]):
    """A query for rows of a model with what `select_related` names, made as Django makes them.

    `django.db.models.query.ModelIterable` is the example: it compiles anew for each use.
    """

    def __init__(self, rows: QuerySet[M], markers: Sequence[Any]) -> None:
        self._maker: Any = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        try:
            sql, params = self._maker.as_sql()
        except EmptyResultSet:
            self._compiled = Compiled("", (), ())
            return
        self._compiled = _with_holes(sql, params, markers)
        info, select = self._maker.klass_info, self._maker.select
        self._converters = self._maker.get_converters([column[0] for column in select])
        self._model: type[M] = info["model"]
        fields = info["select_fields"]
        self._own = slice(fields[0], fields[-1] + 1)
        self._names = [column[0].target.attname for column in select[self._own]]
        self._annotated = tuple(self._maker.annotation_col_map.items())
        self._related = get_related_populators(info, select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # the stubs know a later Django

    def list(self, *values: Any) -> list[M]:
        rows = self._compiled.rows(*values)
        found: list[M] = []
        if not rows:
            return found
        for row in self._maker.apply_converters(rows, self._converters):
            made = self._model.from_db(DEFAULT_DB_ALIAS, self._names, row[self._own])
            for related in self._related:
                related.populate(row, made)
            for name, at in self._annotated:
                setattr(made, name, row[at])
            found.append(made)
        return found


class CompiledValues:
    """A query of `values_list`, its columns in the models' own types on every database.

    Much cheaper than models where many rows are shown, each with a little of several tables.
    """

    def __init__(self, rows: QuerySet[Any, Any], markers: Sequence[Any]) -> None:
        self._maker: Any = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        try:
            sql, params = self._maker.as_sql()
        except EmptyResultSet:
            self._compiled = Compiled("", (), ())
            return
        self._compiled = _with_holes(sql, params, markers)
        columns = [column[0] for column in self._maker.select]
        self._converters = self._maker.get_converters(columns)

    def rows(self, *values: Any) -> Iterable[Sequence[Any]]:
        rows = self._compiled.rows(*values)
        if not rows or not self._converters:
            return rows
        found: Iterable[Sequence[Any]] = self._maker.apply_converters(rows, self._converters)
        return found
