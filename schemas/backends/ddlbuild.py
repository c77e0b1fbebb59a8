"""Tables under construction while `ddl` reads statement after statement."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from schemas.relational.model import (
    Column,
    Constraint,
    ConstraintKind,
    Enum,
    Extension,
    Index,
    Model,
    Routine,
    Schema,
    Table,
    Trigger,
    View,
    path,
)

MAX_NAME = 63  # bytes that PostgreSQL keeps of a name
READER = "sqlglot"


@dataclass
class Draft:
    """One table; names that the SQL leaves out are made as PostgreSQL makes them."""

    schema: str
    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, Constraint] = field(default_factory=dict)
    indexes: dict[str, Index] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    comment: str = ""

    def free_name(self, middle: str, end: str) -> str:
        """`orders_code_key`, or `orders_code_key1` where that is taken."""
        start = f"{self.name}_{middle}" if middle else self.name
        first = f"{start[: MAX_NAME - len(end) - 1]}_{end}"
        taken = self.constraints.keys() | self.indexes.keys()
        names = [first, *(f"{first}{number}" for number in range(1, len(taken) + 2))]
        return next(name for name in names if name not in taken)

    def add_constraint(self, one: Constraint) -> None:
        self.constraints[one.name] = one
        if one.kind is ConstraintKind.PRIMARY_KEY:
            for name in one.columns:
                if name in self.columns:  # else it stands before its column
                    self.change(name, nullable=False)

    def change(self, name: str, **values: Any) -> None:
        self.columns[name] = replace(self.columns[name], **values)

    def drop(self, kind: str, name: str) -> None:
        """A column goes with what stands on it, as in PostgreSQL."""
        if kind == "CONSTRAINT":
            self.constraints.pop(name, None)
            return
        self.columns.pop(name, None)
        self.constraints = {k: v for k, v in self.constraints.items() if name not in v.columns}
        self.indexes = {k: v for k, v in self.indexes.items() if name not in _indexed(v)}

    def rename(self, old: str, new: str) -> None:
        self.columns = {
            (new if name == old else name): (replace(one, name=new) if name == old else one)
            for name, one in self.columns.items()
        }
        for key, one in self.constraints.items():
            if old in one.columns:  # its text names the old one: it is told by name only
                columns = tuple(new if name == old else name for name in one.columns)
                self.constraints[key] = replace(one, columns=columns, definition="")

    @property
    def primary_key(self) -> tuple[str, ...]:
        keys = (one.columns for one in self.constraints.values() if one.kind == "primary key")
        return next(keys, ())

    def table(self) -> Table:
        for name in self.primary_key:
            if name in self.columns:
                self.change(name, nullable=False)
        return Table(
            self.schema,
            self.name,
            tuple(self.columns.values()),
            tuple(self.constraints[name] for name in sorted(self.constraints)),
            tuple(self.indexes[name] for name in sorted(self.indexes)),
            tuple(self.triggers[name] for name in sorted(self.triggers)),
            comment=self.comment,
        )


def _indexed(one: Index) -> list[str]:
    return one.definition.partition("(")[2].rstrip(")").split(", ")


class Build:
    """The whole schema so far; a table that is not there raises KeyError."""

    def __init__(self) -> None:
        self.tables: dict[str, Draft] = {}
        self.views: dict[str, View] = {}
        self.enums: dict[tuple[str, str], tuple[str, ...]] = {}
        self.routines: dict[str, tuple[str, str, str]] = {}
        self.schemas = {"public"}
        self.extensions: set[str] = set()
        self.unread: list[str] = []
        self.left_out: set[str] = set()

    def table(self, named: tuple[str, str]) -> Draft:
        return self.tables[path(*named)]

    def add(self, draft: Draft) -> None:
        self.tables.setdefault(path(draft.schema, draft.name), draft)

    def rename(self, draft: Draft, name: str) -> Draft:
        del self.tables[path(draft.schema, draft.name)]
        draft.name = name
        self.add(draft)
        return draft

    def drop(self, kind: str, named: tuple[str, str]) -> None:
        at, name = path(*named), named[1]
        if kind == "INDEX":
            for draft in self.tables.values():
                draft.indexes.pop(name, None)
        elif kind == "TRIGGER":
            for draft in self.tables.values():
                draft.triggers.pop(name, None)
        elif kind == "SCHEMA":
            self.schemas.discard(name)
        else:
            self.tables.pop(at, None)
            self.views.pop(at, None)
            self.enums.pop(named, None)
            self.routines.pop(at, None)

    def model(self) -> Model:
        return Model(
            schemas=tuple(Schema(name) for name in sorted(self.schemas)),
            tables=tuple(self.tables[at].table() for at in sorted(self.tables)),
            views=tuple(self.views[at] for at in sorted(self.views)),
            enums=tuple(Enum(*at, labels) for at, labels in sorted(self.enums.items())),
            routines=tuple(
                Routine(schema, name, "", kind, "")
                for schema, name, kind in sorted(self.routines.values())
            ),
            extensions=tuple(Extension(name, "") for name in sorted(self.extensions)),
            unread=tuple(self.unread),
            read_by=READER,
            left_out=tuple(sorted(self.left_out)),
        )
