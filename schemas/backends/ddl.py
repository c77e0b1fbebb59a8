"""Declared SQL read by sqlglot, where no scratch PostgreSQL is configured; nothing is run.

The only module beside `ddltypes` that imports sqlglot. What comes of it is compared in part only
(`relational.coarse`); a statement that sqlglot does not read is named with its line, and its table
is left out of comparisons, so that nothing false is told. Whether the SQL is SQL at all is
squawk's word, which has PostgreSQL's own grammar.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from schemas.backends.ddlbuild import Build, Draft
from schemas.backends.ddlnames import by_words
from schemas.backends.ddltypes import column_of, constraint_of, default_of, name_of, type_of
from schemas.backends.scratch import Loaded, Skipped, harmless, refused, skips
from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational.model import Index, quoted
from schemas.relational.risks import subject
from schemas.relational.squawk import squawk
from schemas.relational.statements import Statement, statements

SECONDS = 20.0  # of one text
SERVER = 150000
MAX_STATEMENT = 100_000  # characters of a statement that is about the schema
MAX_NESTING = 50  # brackets within brackets
MAX_UNREAD = 100
_ON_ONLY = re.compile(r"\bON\s+ONLY\b", re.IGNORECASE)  # of an index, as pg_dump writes it
# Statements that leave the schema as it is.
_QUIET = {
    "set",
    "select",
    "begin",
    "commit",
    "start",
    "end",
    "insert",
    "update",
    "delete",
    "analyze",
}
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of each statement it passes on


class Unread(Exception):
    """A statement, or a part of one, that is not understood."""


def load(sql: str, *, seconds: float = SECONDS) -> Loaded:
    """The model as far as it can be read, with what was not; raises as `scratch.load`."""
    ends = time.monotonic() + seconds
    _check_syntax(sql)
    build, skipped, count = Build(), [], 0
    for statement in statements(sql):
        if time.monotonic() > ends:
            raise TooComplex(f"Reading the SQL takes longer than {seconds:g} s.")
        if not statement.tokens or harmless(statement):
            continue
        if skips(statement):
            skipped.append(Skipped(statement.line, statement.text[:200]))
            continue
        _take(build, statement)
        count += 1
    return Loaded(build.model(), count, tuple(skipped))


def _check_syntax(sql: str) -> None:
    for one in squawk(sql, server=SERVER, in_transaction=False):
        if one.rule == "syntax-error":
            raise InvalidSchema.at(f"line {one.line}", "sql", one.message[:200])


def _take(build: Build, statement: Statement) -> None:
    reason = refused(statement)
    if reason:
        raise InvalidSchema.at(f"line {statement.line}", "sql", reason)
    words = statement.words
    if words[0] in _QUIET:
        return
    try:
        if not by_words(build, statement):
            _apply(build, _parsed(statement))
    except (Unread, SqlglotError, RecursionError, LookupError, ValueError):
        _leave_out(build, statement)


def _leave_out(build: Build, statement: Statement) -> None:
    """Name what was not read; the object that it is about is compared with nothing."""
    if len(build.unread) < MAX_UNREAD:
        start = " ".join(statement.text[:200].split())[:60]
        build.unread.append(f"line {statement.line}: {start}")
    words = statement.words
    if words[0] in {"create", "alter"} and {"table", "index"} & set(words[1:4]):
        build.left_out.add(subject(statement))


def _parsed(statement: Statement) -> Any:
    if len(statement.text) > MAX_STATEMENT or _nesting(statement) > MAX_NESTING:
        raise Unread
    found = sqlglot.parse_one(_ON_ONLY.sub("ON", statement.text, count=1), read="postgres")
    if isinstance(found, exp.Command):
        raise Unread
    return found


def _nesting(statement: Statement) -> int:
    depth = most = 0
    for one in statement.tokens:
        depth += {"(": 1, ")": -1}.get(one.text, 0)
        most = max(most, depth)
    return most


# -- statements ---------------------------------------------------------------------------------


def _apply(build: Build, one: Any) -> None:
    if isinstance(one, exp.Create):
        make = _CREATED.get(str(one.kind).upper())
        if make is None:
            raise Unread
        make(build, one)
    elif isinstance(one, exp.Alter) and str(one.args["kind"]).upper() == "TABLE":
        draft = build.table(name_of(one.this))
        for action in one.args["actions"]:
            draft = _alter(build, draft, action)
    elif isinstance(one, exp.Drop):
        for named in one.args["tables"]:
            build.drop(str(one.args["kind"]).upper(), name_of(named))
    elif isinstance(one, exp.Comment):
        _comment(build, one)
    else:
        raise Unread


def _create_table(build: Build, one: exp.Create) -> None:
    if one.args.get("expression") is not None or not isinstance(one.this, exp.Schema):
        raise Unread
    if any(isinstance(held, exp.InheritsProperty | exp.LikeProperty) for held in one.walk()):
        raise Unread
    draft = Draft(*name_of(one.this.this))
    for part in one.this.expressions:
        if isinstance(part, exp.ColumnDef):
            _add_column(build, draft, part)
        else:
            draft.add_constraint(constraint_of(build, draft, part))
    build.add(draft)


def _add_column(build: Build, draft: Draft, part: exp.ColumnDef) -> None:
    column, constraints = column_of(build, draft, part)
    draft.columns[column.name] = column
    for one in constraints:
        draft.add_constraint(one)


def _create_index(build: Build, one: exp.Create) -> None:
    index = one.this
    draft = build.table(name_of(index.args["table"]))
    given = index.args["params"]
    method = str(given.args.get("using") or "btree").lower()
    plain = not given.args.get("where") and not given.args.get("include")
    held = given.args.get("columns") or []
    names = [_plain_column(one) for one in held]
    text = f"USING {method} ({', '.join(map(quoted, names))})" if plain and all(names) else ""
    wanted = "_".join(_index_column(one) or "expr" for one in held)
    name = name_of(index)[1] if index.this else draft.free_name(wanted, "idx")
    draft.indexes[name] = Index(name, text, unique=bool(one.args.get("unique")))


def _index_column(held: Any) -> str:
    """The name of the column that an index holds, or nothing for an expression."""
    inner = held.this if isinstance(held, exp.Ordered) else held
    return name_of(inner)[1] if isinstance(inner, exp.Column) else ""


def _plain_column(held: Any) -> str:
    """The same, where it is held in the usual order."""
    return "" if held.args.get("desc") or held.args.get("with_fill") else _index_column(held)


def _create_type(build: Build, one: exp.Create) -> None:
    kind = one.args.get("expression")
    if not isinstance(kind, exp.DataType) or kind.this != exp.DataType.Type.ENUM:
        raise Unread
    build.enums[name_of(one.this)] = tuple(label.name for label in kind.expressions)


def _create_schema(build: Build, one: exp.Create) -> None:
    build.schemas.add(name_of(exp.Table(this=one.this.args["db"]))[1])


def _ignore(_: Build, __: exp.Create) -> None:
    """What is in no comparison of such models."""


_CREATED: dict[str, Callable[[Build, exp.Create], None]] = {
    "TABLE": _create_table,
    "INDEX": _create_index,
    "TYPE": _create_type,
    "SCHEMA": _create_schema,
    "SEQUENCE": _ignore,
}


def _alter(build: Build, draft: Draft, action: Any) -> Draft:
    """One action of an ALTER TABLE; the table that it is about from then on."""
    if isinstance(action, exp.ColumnDef):
        _add_column(build, draft, action)
    elif isinstance(action, exp.AlterColumn):
        _alter_column(draft, action)
    elif isinstance(action, exp.AddConstraint):
        for one in action.expressions:
            draft.add_constraint(constraint_of(build, draft, one))
    elif isinstance(action, exp.Drop):
        kind = str(action.args["kind"]).upper()
        for named in action.args["tables"]:
            draft.drop(kind, name_of(named)[1])
    elif isinstance(action, exp.RenameColumn):
        draft.rename(name_of(action.this)[1], name_of(action.args["to"])[1])
    elif isinstance(action, exp.AlterRename):
        return build.rename(draft, name_of(action.this)[1])
    else:
        raise Unread
    return draft


def _alter_column(draft: Draft, action: exp.AlterColumn) -> None:
    name, given = name_of(action)[1], action.args
    if given.get("dtype") is not None:
        draft.change(name, type=type_of(given["dtype"]))
    elif given.get("allow_null") is not None:
        draft.change(name, nullable=bool(given["allow_null"]))
    elif given.get("default") is not None:
        draft.change(name, default=default_of(given["default"]))
    elif given.get("drop"):
        draft.change(name, default="")
    else:
        raise Unread


def _comment(build: Build, one: exp.Comment) -> None:
    kind, text = str(one.args["kind"]).upper(), one.expression.name
    if kind == "TABLE":
        build.table(name_of(one.this)).comment = text
    elif kind == "COLUMN":
        named = one.this
        table = exp.Table(this=named.args["table"], db=named.args.get("db"))
        build.table(name_of(table)).change(name_of(named)[1], comment=text)
    else:
        raise Unread
