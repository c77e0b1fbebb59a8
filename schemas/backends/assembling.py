"""The rows of `schemas.backends.catalog` put together to a model; called by the reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from schemas.relational.model import (
    Column,
    Composite,
    Constraint,
    ConstraintKind,
    DatabaseSequence,
    Domain,
    Enum,
    Extension,
    Index,
    Model,
    Policy,
    Range,
    Routine,
    Rule,
    Schema,
    Table,
    Trigger,
    View,
    path,
)

Row = Mapping[str, Any]
T = TypeVar("T")
_TABLES = {"r": "table", "p": "partitioned table", "f": "foreign table"}
_CONSTRAINTS = {
    "p": ConstraintKind.PRIMARY_KEY,
    "u": ConstraintKind.UNIQUE,
    "f": ConstraintKind.FOREIGN_KEY,
    "c": ConstraintKind.CHECK,
    "x": ConstraintKind.EXCLUSION,
    "t": ConstraintKind.TRIGGER,
}
_STANDARD_COMMENT = ("public", "standard public schema")  # what a new database comes with


def assemble(rows: Mapping[str, Sequence[Row]], server: int) -> Model:
    """The model of all rows by kind; `server` is the server's version number."""
    parts = _Parts(rows)
    relations = rows["relations"]
    types = defaultdict(list)
    for row in rows["types"]:
        types[row["kind"]].append(row)
    return Model(
        schemas=tuple(_schema(row) for row in rows["schemas"]),
        tables=tuple(parts.table(row) for row in relations if row["kind"] in _TABLES),
        views=tuple(parts.view(row) for row in relations if row["kind"] not in _TABLES),
        enums=tuple(_enum(row) for row in types["e"]),
        domains=tuple(parts.domain(row) for row in types["d"]),
        composites=tuple(parts.composite(row) for row in types["c"]),
        ranges=tuple(_filled(Range, row, "schema", "name", "subtype") for row in types["r"]),
        sequences=tuple(_sequence(row) for row in rows["sequences"]),
        routines=tuple(_routine(row) for row in rows["routines"]),
        extensions=tuple(_filled(Extension, row, *_EXTENSION) for row in rows["extensions"]),
        server=server,
        unread=tuple(
            f"{row['number']} {row['kind']}" for row in rows["unread"] if row["number"] > 0
        ),
    )


_EXTENSION = ("name", "version", "schema")
_ROUTINE = ("schema", "name", "arguments", "kind", "definition", "returns", "language")
_SEQUENCE = ("schema", "name", "type", "start", "minimum", "maximum", "increment", "cycle")
_TABLE = ("schema", "name", "unlogged", "row_security", "row_security_forced")


def _filled(made: Callable[..., T], row: Row, /, *names: str, **more: Any) -> T:
    """An object of the row's fields; what the database left null keeps its default."""
    given = {name: row[name] for name in (*names, "comment") if row.get(name) is not None}
    return made(**given, **more)


def _listed(value: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(value or ())


def _path(pair: Sequence[str] | None) -> str:
    return path(*pair) if pair else ""


def _schema(row: Row) -> Schema:
    standard = (row["name"], row["comment"]) == _STANDARD_COMMENT
    return Schema(row["name"], "" if standard else row["comment"])


def _enum(row: Row) -> Enum:
    return _filled(Enum, row, "schema", "name", labels=_listed(row["labels"]))


def _routine(row: Row) -> Routine:
    return _filled(Routine, row, *_ROUTINE)


def _sequence(row: Row) -> DatabaseSequence:
    owner = {"owner_table": _path(row["owner"]), "owner_column": row["owner_column"] or ""}
    return _filled(DatabaseSequence, row, *_SEQUENCE, **owner)


def _column(row: Row) -> Column:
    names = ("name", "type", "nullable", "default", "identity", "generated")
    collation = row["collation"]
    shown = _path([part for part in collation if part != "pg_catalog"]) if collation else ""
    return _filled(Column, row, *names, collation=shown)


def _constraint(row: Row) -> Constraint:
    return _filled(
        Constraint,
        row,
        *("name", "definition", "validated"),
        kind=_CONSTRAINTS[row["kind"]],
        columns=_listed(row["columns"]),
        target=_path(row["target"]),
        target_columns=_listed(row["target_columns"]),
    )


def _index(row: Row) -> Index:
    """The definition from USING on: a table's or index's name may hold that word too."""
    head = f"CREATE {'UNIQUE ' if row['unique'] else ''}INDEX {row['quoted']} ON "
    rest = row["definition"].removeprefix(head)
    definition = rest[_end_of_name(rest) :].lstrip()
    columns = _listed(row["columns"])
    return _filled(Index, row, "name", "unique", "valid", definition=definition, columns=columns)


def _end_of_name(text: str) -> int:
    """Where the table's name ends: at the first space outside quotes (after ONLY, the second)."""
    place = len("ONLY ") if text.startswith("ONLY ") else 0
    in_quotes = False
    while place < len(text) and (in_quotes or text[place] != " "):
        in_quotes ^= text[place] == '"'
        place += 1
    return place


def _policy(row: Row) -> Policy:
    names = ("name", "command", "permissive", "using", "check")
    return _filled(Policy, row, *names, roles=_listed(row["roles"]))


class _Parts:
    """What belongs to a relation or type, by its id."""

    def __init__(self, rows: Mapping[str, Sequence[Row]]) -> None:
        self._columns = _grouped(rows["columns"], _column)
        self._constraints = _grouped([row for row in rows["constraints"] if row["id"]], _constraint)
        self._domains = _grouped(
            [row for row in rows["constraints"] if row["domain"]], _constraint, key="domain"
        )
        self._indexes = _grouped(rows["indexes"], _index)
        self._triggers = _grouped(rows["triggers"], _trigger)
        self._rules = _grouped(rows["rules"], _rule)
        self._policies = _grouped(rows["policies"], _policy)

    def table(self, row: Row) -> Table:
        one = row["id"]
        return _filled(
            Table,
            row,
            *(*_TABLE, "partition_key", "partition_bound"),
            kind=_TABLES[row["kind"]],
            columns=self._columns[one],
            constraints=self._constraints[one],
            indexes=self._indexes[one],
            triggers=self._triggers[one],
            rules=self._rules[one],
            policies=self._policies[one],
            parents=tuple(_path(pair) for pair in row["parents"] or ()),
            options=tuple(sorted(row["options"])),
        )

    def view(self, row: Row) -> View:
        one = row["id"]
        return _filled(
            View,
            row,
            *("schema", "name", "definition"),
            materialised=row["kind"] == "m",
            columns=self._columns[one],
            indexes=self._indexes[one],
            triggers=self._triggers[one],
            rules=self._rules[one],
            options=tuple(sorted(row["options"])),
        )

    def domain(self, row: Row) -> Domain:
        names = ("schema", "name", "type", "nullable", "default")
        collation = _path(row["collation"])
        held = self._domains[row["id"]]
        return _filled(Domain, row, *names, collation=collation, constraints=held)

    def composite(self, row: Row) -> Composite:
        held = self._columns[row["relation"]]
        return _filled(Composite, row, "schema", "name", attributes=held)


def _trigger(row: Row) -> Trigger:
    return _filled(Trigger, row, "name", "definition", "enabled")


def _rule(row: Row) -> Rule:
    return _filled(Rule, row, "name", "definition")


def _grouped(
    rows: Iterable[Row], made: Callable[[Row], T], key: str = "id"
) -> defaultdict[int, tuple[T, ...]]:
    groups: defaultdict[int, list[T]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(made(row))
    return defaultdict(tuple, {one: tuple(held) for one, held in groups.items()})
