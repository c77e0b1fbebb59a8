"""One database's schema as frozen values, as PostgreSQL itself prints it.

The reader of `schemas.backends.postgres` builds it; `diff`, `picture` and the services read it.
Expressions and definitions are the text of PostgreSQL's own deparsers, with every name outside
`pg_catalog` qualified. Owners and privileges are no part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

FORM = 1  # of the JSON text; raised when a field changes its meaning
_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def quoted(name: str) -> str:
    """The identifier as SQL writes it; a name with capitals or other signs is put in quotes."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def path(schema: str, *names: str) -> str:
    """`orders.total`; the schema is left out where it is `public`."""
    return ".".join(quoted(name) for name in (schema, *names) if name and name != "public")


@dataclass(frozen=True)
class Schema:
    name: str
    comment: str = ""


@dataclass(frozen=True)
class Column:
    """A table's or view's column, or a composite type's attribute."""

    name: str
    type: str
    nullable: bool = True
    default: str = ""
    identity: str = ""  # "always", "by default" or nothing
    generated: str = ""  # the expression of a stored generated column
    collation: str = ""  # where it is not the type's own
    comment: str = ""


class ConstraintKind(StrEnum):
    PRIMARY_KEY = "primary key"
    UNIQUE = "unique"
    FOREIGN_KEY = "foreign key"
    CHECK = "check"
    EXCLUSION = "exclusion"
    TRIGGER = "trigger"


@dataclass(frozen=True)
class Constraint:
    name: str
    kind: ConstraintKind
    definition: str
    columns: tuple[str, ...] = ()
    target: str = ""  # the referenced table's path
    target_columns: tuple[str, ...] = ()
    validated: bool = True
    comment: str = ""


@dataclass(frozen=True)
class Index:
    """An index that no constraint owns. `definition` starts at USING: it knows no name."""

    name: str
    definition: str
    unique: bool = False
    valid: bool = True
    columns: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Trigger:
    name: str
    definition: str
    enabled: str = "origin"  # "origin", "disabled", "replica" or "always"
    comment: str = ""


@dataclass(frozen=True)
class Rule:
    name: str
    definition: str
    comment: str = ""


@dataclass(frozen=True)
class Policy:
    name: str
    command: str  # ALL, SELECT, INSERT, UPDATE or DELETE
    permissive: bool = True
    roles: tuple[str, ...] = ()
    using: str = ""
    check: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Rule, ...] = ()
    policies: tuple[Policy, ...] = ()
    kind: str = "table"  # or "partitioned table", "foreign table"
    unlogged: bool = False
    row_security: bool = False
    row_security_forced: bool = False
    partition_key: str = ""
    partition_bound: str = ""
    parents: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class View:
    schema: str
    name: str
    definition: str
    materialised: bool = False
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    rules: tuple[Rule, ...] = ()
    options: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Enum:
    schema: str
    name: str
    labels: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Domain:
    schema: str
    name: str
    type: str
    nullable: bool = True
    default: str = ""
    collation: str = ""
    constraints: tuple[Constraint, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Composite:
    schema: str
    name: str
    attributes: tuple[Column, ...] = ()
    comment: str = ""


@dataclass(frozen=True)
class Range:
    schema: str
    name: str
    subtype: str
    comment: str = ""


@dataclass(frozen=True)
class DatabaseSequence:
    """Values are text: a bound of a bigint sequence is no number that JSON's readers keep."""

    schema: str
    name: str
    type: str
    start: str = "1"
    minimum: str = "1"
    maximum: str = ""
    increment: str = "1"
    cycle: bool = False
    owner_table: str = ""  # the path of the table whose column owns it
    owner_column: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Routine:
    schema: str
    name: str
    arguments: str  # the identity arguments: `integer, text`
    kind: str  # "function", "procedure", "window function" or "aggregate"
    definition: str
    returns: str = ""
    language: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Extension:
    name: str
    version: str
    schema: str = "public"
    comment: str = ""


@dataclass(frozen=True)
class Model:
    """The whole. `server` and what follows inform: they are in neither digest nor comparison.

    `read_by` is empty where PostgreSQL read it; `left_out` are tables not understood.
    """

    schemas: tuple[Schema, ...] = ()
    tables: tuple[Table, ...] = ()
    views: tuple[View, ...] = ()
    enums: tuple[Enum, ...] = ()
    domains: tuple[Domain, ...] = ()
    composites: tuple[Composite, ...] = ()
    ranges: tuple[Range, ...] = ()
    sequences: tuple[DatabaseSequence, ...] = ()
    routines: tuple[Routine, ...] = ()
    extensions: tuple[Extension, ...] = ()
    server: int = field(default=0, metadata={"informs": True})  # 150018 is 15.18
    unread: tuple[str, ...] = field(default=(), metadata={"informs": True})
    read_by: str = field(default="", metadata={"informs": True})
    left_out: tuple[str, ...] = field(default=(), metadata={"informs": True})
