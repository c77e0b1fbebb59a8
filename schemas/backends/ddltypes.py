"""Columns, types, defaults and constraints of sqlglot's trees, as PostgreSQL would print them."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from schemas.backends.ddlbuild import Build, Draft
from schemas.relational.model import Column, Constraint, ConstraintKind, path, quoted

T = exp.DataType.Type
# The name before and after a type's parameters.
_TYPES: dict[Any, tuple[str, str]] = {
    T.INT: ("integer", ""),
    T.BIGINT: ("bigint", ""),
    T.SMALLINT: ("smallint", ""),
    T.SERIAL: ("integer", ""),
    T.BIGSERIAL: ("bigint", ""),
    T.SMALLSERIAL: ("smallint", ""),
    T.TEXT: ("text", ""),
    T.VARCHAR: ("character varying", ""),
    T.CHAR: ("character", ""),
    T.DECIMAL: ("numeric", ""),
    T.DOUBLE: ("double precision", ""),
    T.FLOAT: ("real", ""),
    T.BOOLEAN: ("boolean", ""),
    T.TIMESTAMP: ("timestamp", " without time zone"),
    T.TIMESTAMPTZ: ("timestamp", " with time zone"),
    T.TIME: ("time", " without time zone"),
    T.TIMETZ: ("time", " with time zone"),
    T.VARBINARY: ("bytea", ""),
}
# Types of pg_catalog that sqlglot takes for a schema's own.
_BUILT_IN = {
    *("tsvector", "tsquery", "point", "line", "lseg", "box", "path", "polygon", "circle", "cidr"),
    *("macaddr", "macaddr8", "pg_lsn", "oid", "name", "regclass", "regtype", "regproc", "jsonpath"),
    *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
    *("int4multirange", "int8multirange", "nummultirange", "tsmultirange", "datemultirange"),
}
_SERIALS = {T.SERIAL, T.BIGSERIAL, T.SMALLSERIAL}
_SERIAL_DEFAULT = "nextval()"


def name_of(one: Any) -> tuple[str, str]:
    """Schema and name, folded as PostgreSQL folds them; `public` where none is named."""
    schema = one.args.get("db") if isinstance(one, exp.Expression) else None
    return _folded(schema) if schema is not None else "public", _folded(one)


def _folded(one: Any) -> str:
    while not isinstance(one, exp.Identifier) and isinstance(one, exp.Expression):
        one = one.this
    if isinstance(one, exp.Identifier):
        return str(one.name) if one.args.get("quoted") else str(one.name).lower()
    return str(one).lower()


def type_of(kind: Any) -> str:
    """`character varying(40)`, `timestamp(2) with time zone`, `public.mood[]`."""
    if not isinstance(kind, exp.DataType):
        return _own(kind)
    if kind.this == T.ARRAY:
        return f"{type_of(kind.expressions[0])}[]" if kind.expressions else "text[]"
    if kind.this == T.USERDEFINED:
        return _own(kind.args.get("kind"))
    given = ",".join(one.name for one in kind.expressions)
    found = _TYPES.get(kind.this)
    if found is None:
        return str(kind.sql("postgres")).lower().replace(", ", ",")
    before, after = found
    if kind.this == T.CHAR and not given:
        given = "1"
    if kind.this == T.DECIMAL and given and "," not in given:
        given += ",0"
    return f"{before}({given}){after}" if given else f"{before}{after}"


def _own(kind: Any) -> str:
    """A type that the schema itself made: qualified, as every name outside `pg_catalog` is."""
    text = str(kind.sql("postgres") if hasattr(kind, "sql") else kind)
    parts = [one if one.startswith('"') else one.lower() for one in text.split(".")]
    if parts[-1] in _BUILT_IN or parts == ['"char"']:
        return parts[-1]
    return ".".join(["public", *parts][-2:])


def default_of(value: Any) -> str:
    """The expression without its casts, which PostgreSQL adds anyway."""
    while isinstance(value, exp.Cast | exp.Paren):
        value = value.this
    text = str(value.sql("postgres"))
    return _SERIAL_DEFAULT if text.lower().startswith("nextval(") else text


def column_of(build: Build, draft: Draft, part: exp.ColumnDef) -> tuple[Column, list[Constraint]]:
    """The column, and the constraints that stand with it."""
    name = name_of(part)[1]
    values: dict[str, Any] = {"type": type_of(part.args["kind"])}
    if isinstance(part.args["kind"], exp.DataType) and part.args["kind"].this in _SERIALS:
        values |= {"nullable": False, "default": _SERIAL_DEFAULT}
    constraints = []
    for one in part.args.get("constraints") or []:
        kind = one.args["kind"]
        made = _of_column(build, draft, name, kind, _given(one))
        if isinstance(made, Constraint):
            constraints.append(made)
        else:
            values |= made
    return Column(name, **values), constraints


def _given(one: exp.Expression) -> str:
    """The name that a constraint is given, or nothing."""
    return _folded(one.this) if isinstance(one.this, exp.Identifier) else ""


def _of_column(
    build: Build, draft: Draft, column: str, kind: Any, name: str
) -> dict[str, Any] | Constraint:
    if isinstance(kind, exp.NotNullColumnConstraint):
        return {"nullable": bool(kind.args.get("allow_null"))}
    if isinstance(kind, exp.DefaultColumnConstraint | exp.ComputedColumnConstraint):
        computed = isinstance(kind, exp.ComputedColumnConstraint)
        return {"generated" if computed else "default": default_of(kind.this)}
    if isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
        if kind.args.get("expression") is not None:
            return {"generated": default_of(kind.args["expression"])}
        return {"identity": "always" if kind.this else "by default", "nullable": False}
    if isinstance(kind, exp.CollateColumnConstraint):
        return {}
    return _constraint(build, draft, kind, (column,), name)


def constraint_of(build: Build, draft: Draft, part: Any) -> Constraint:
    """A constraint of the whole table."""
    if isinstance(part, exp.Constraint):
        return _constraint(build, draft, part.expressions[0], (), _folded(part.this))
    return _constraint(build, draft, part, (), "")


def _constraint(
    build: Build, draft: Draft, kind: Any, columns: tuple[str, ...], name: str
) -> Constraint:
    if isinstance(kind, exp.PrimaryKeyColumnConstraint | exp.PrimaryKey):
        held = columns or _names(kind.expressions)
        return _key(ConstraintKind.PRIMARY_KEY, name or draft.free_name("", "pkey"), held)
    if isinstance(kind, exp.UniqueColumnConstraint):
        held = _names(kind.this.expressions) if isinstance(kind.this, exp.Schema) else columns
        given = name or draft.free_name("_".join(held), "key")
        return _key(ConstraintKind.UNIQUE, given, held)
    if isinstance(kind, exp.Reference):
        return _foreign(build, draft, kind, columns, name)
    if isinstance(kind, exp.ForeignKey):
        return _foreign(build, draft, kind.args["reference"], _names(kind.expressions), name)
    if isinstance(kind, exp.CheckColumnConstraint):
        met = dict.fromkeys(_folded(one) for one in kind.find_all(exp.Column))
        middle = next(iter(met)) if len(met) == 1 else ""
        return Constraint(name or draft.free_name(middle, "check"), ConstraintKind.CHECK, "CHECK")
    raise KeyError(type(kind).__name__)


def _names(parts: Any) -> tuple[str, ...]:
    return tuple(_folded(one) for one in parts)


def _key(kind: ConstraintKind, name: str, columns: tuple[str, ...]) -> Constraint:
    held = ", ".join(map(quoted, columns))
    return Constraint(name, kind, f"{str(kind).upper()} ({held})", columns)


def _referred(build: Build, draft: Draft, target: str) -> Draft:
    """The table that a foreign key leads to; it may be the one that is being made."""
    return draft if target == path(draft.schema, draft.name) else build.tables[target]


def _foreign(
    build: Build, draft: Draft, kind: Any, columns: tuple[str, ...], name: str
) -> Constraint:
    schema, table = name_of(kind.this.this if isinstance(kind.this, exp.Schema) else kind.this)
    target = path(schema, table)
    met = _names(kind.this.expressions) if isinstance(kind.this, exp.Schema) else ()
    if not met:
        met = _referred(build, draft, target).primary_key
    options = sorted(
        (str(one).upper() for one in kind.args.get("options") or []), reverse=True
    )  # ON UPDATE stands before ON DELETE
    told = [one for one in options if one.startswith("ON ") and not one.endswith("NO ACTION")]
    text = (
        f"FOREIGN KEY ({', '.join(map(quoted, columns))}) REFERENCES "
        f"{quoted(schema)}.{quoted(table)}({', '.join(map(quoted, met))})"
    )
    definition = " ".join([text, *told])
    given = name or draft.free_name("_".join(columns), "fkey")
    return Constraint(given, ConstraintKind.FOREIGN_KEY, definition, columns, target, met)
