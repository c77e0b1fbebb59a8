"""Models reduced to what two readers say alike; used where one of them was read without PostgreSQL.

Compared are tables, columns with type, nullability and plain default, keys, unique constraints,
plain indexes, enums, comments, and which views, routines, triggers and checks there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from schemas.relational.model import (
    Column,
    Constraint,
    ConstraintKind,
    Extension,
    Index,
    Model,
    Table,
    View,
)

NOT_COMPARED = (
    "what views, functions, triggers and checks say (only whether they are there)",
    "expressions in defaults, indexes and generated columns",
    "sequences, domains, composite and range types",
    "rules, policies and row-level security",
    "partitions, inheritance and storage",
    "versions of extensions",
)
_CAST = re.compile(r'::[\w."]+( (varying|precision|with(out)? time zone))*(\([\d, ]+\))?(\[\])*')
_PLAIN = re.compile(r"'(?:[^']|'')*'|-?[\d.]+|true|false|null|\w+\(\)|current_\w+", re.IGNORECASE)
_NAME = r'(?:\w+|"[^"]+")'
_PLAIN_INDEX = re.compile(rf"USING \w+ \({_NAME}(?:, {_NAME})*\)")
_KEPT = {ConstraintKind.PRIMARY_KEY, ConstraintKind.UNIQUE, ConstraintKind.FOREIGN_KEY}


def both(old: Model, new: Model) -> tuple[Model, Model, tuple[str, ...]]:
    """Two models as they can be compared, and the paths that one of them leaves out."""
    if not (old.read_by or new.read_by):
        return old, new, ()
    left_out = {*old.left_out, *new.left_out}
    hidden = (*left_out, *(f"{at}.*" for at in left_out))
    return coarse(old), coarse(new), tuple(hidden)


def limits(models: Iterable[Model]) -> tuple[str, ...]:
    """In words, what is not compared between models; nothing where PostgreSQL read all of them."""
    read = [one for one in models if one.read_by]
    return (*NOT_COMPARED, *(text for one in read for text in one.unread)) if read else ()


def coarse(model: Model) -> Model:
    """The model without what only PostgreSQL says."""
    return replace(
        model,
        schemas=tuple(replace(one, comment="") for one in model.schemas),
        tables=tuple(_table(one) for one in model.tables if not one.partition_bound),
        views=tuple(View(one.schema, one.name, "", one.materialised) for one in model.views),
        enums=tuple(replace(one, comment="") for one in model.enums),
        routines=tuple(
            replace(one, arguments="", definition="", returns="", language="", comment="")
            for one in model.routines
        ),
        extensions=tuple(Extension(one.name, "") for one in model.extensions),
        domains=(),
        composites=(),
        ranges=(),
        sequences=(),
    )


def _table(one: Table) -> Table:
    return Table(
        one.schema,
        one.name,
        tuple(map(_column, one.columns)),
        tuple(_constraint(held) for held in one.constraints if held.kind != "trigger"),
        tuple(map(_index, one.indexes)),
        tuple(replace(held, definition="", enabled="origin", comment="") for held in one.triggers),
        comment=one.comment,
    )


def _column(one: Column) -> Column:
    return replace(
        one,
        default="" if one.generated else _default(one.default),
        generated="an expression" if one.generated else "",
        collation="",
    )


def _default(text: str) -> str:
    """A plain value without its cast; all else is `an expression`."""
    if text.startswith("nextval("):
        return "the next of a sequence"
    bare = _CAST.sub("", text).strip()
    while bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1].strip()
    if bare.lower() in {"", "null"}:
        return ""
    if not _PLAIN.fullmatch(bare):
        return "an expression"
    if re.fullmatch(r"'-?[\d.]+'", bare):
        return bare[1:-1]
    plain = bare if bare.startswith("'") else bare.lower()
    return "now()" if plain == "current_timestamp" else plain


def _constraint(one: Constraint) -> Constraint:
    definition = one.definition.removesuffix(" NOT VALID").partition(" DEFERRABLE")[0]
    if one.kind not in _KEPT:
        return Constraint(one.name, one.kind, str(one.kind))
    return replace(one, definition=definition, validated=True, comment="")


def _index(one: Index) -> Index:
    plain = _PLAIN_INDEX.fullmatch(one.definition)
    return Index(one.name, one.definition if plain else "", one.unique)
