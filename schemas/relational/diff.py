"""The differences between two database models, in words; called by services, gates and drift.

Compared is what a declaration says: not the order of columns, not owners or privileges. What only
follows from a difference that is told (a missing table's columns, the cast that a changed type
puts into a check) is not told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Generic, Protocol, TypeVar

from schemas.relational.differences import Collector, Difference, Kind, Risk, Sides
from schemas.relational.model import (
    Composite,
    DatabaseSequence,
    Domain,
    Enum,
    Extension,
    Model,
    Range,
    Routine,
    Schema,
    View,
    path,
    quoted,
)
from schemas.relational.tables import (
    CONSTRAINTS,
    compare_tables,
    compare_views,
    matched,
    type_risk,
)


class _Commented(Protocol):
    @property
    def comment(self) -> str: ...


C = TypeVar("C", bound=_Commented)
# Tables that a migration tool keeps for itself: they are in the database and in no declaration.
TOOLS = ("django_migrations", "alembic_version", "schema_migrations", "flyway_schema_history")


def differences(
    old: Model, new: Model, sides: Sides | None = None, *, ignoring: Iterable[str] = ()
) -> tuple[Difference, ...]:
    """Every difference from `old` (what is there) to `new` (what is declared).

    `ignoring` are paths of objects, `*` allowed: `TOOLS`, or `audit.*`.
    """
    found = Collector(sides or Sides())
    whole = _Comparison(found, without(old, ignoring), without(new, ignoring))
    whole.run()
    return tuple(found.found)


def without(model: Model, ignoring: Iterable[str]) -> Model:
    """The model but for the objects at these paths, `*` allowed."""
    patterns = tuple(ignoring)
    if not patterns:
        return model

    def kept(place: str) -> bool:
        return not any(fnmatchcase(place, one) for one in patterns)

    return Model(
        schemas=tuple(one for one in model.schemas if kept(one.name)),
        tables=tuple(one for one in model.tables if kept(_at(one))),
        views=tuple(one for one in model.views if kept(_at(one))),
        enums=tuple(one for one in model.enums if kept(_at(one))),
        domains=tuple(one for one in model.domains if kept(_at(one))),
        composites=tuple(one for one in model.composites if kept(_at(one))),
        ranges=tuple(one for one in model.ranges if kept(_at(one))),
        sequences=tuple(one for one in model.sequences if kept(_at(one)) and kept(one.owner_table)),
        routines=tuple(one for one in model.routines if kept(path(one.schema, one.name))),
        extensions=tuple(one for one in model.extensions if kept(one.name)),
    )


class _InSchema(Protocol):
    @property
    def schema(self) -> str: ...
    @property
    def name(self) -> str: ...


def _at(one: _InSchema) -> str:
    return path(one.schema, one.name)


def _routine_at(one: Routine) -> str:
    return f"{_at(one)}({one.arguments})"


def _schema_at(one: Schema | Extension) -> str:
    return quoted(one.name)


@dataclass(frozen=True)
class _Whole(Generic[C]):
    """Objects that stand by themselves: how they are named, told and compared."""

    kind: Callable[[C], Kind]
    at: Callable[[C], str]
    removing: Risk
    changed: Callable[[C, C], None]

    def compare(self, found: Collector, old: Iterable[C], new: Iterable[C]) -> None:
        removed, added, both = matched(old, new, self.at)
        for one in removed:
            found.removed(self.kind(one), self.at(one), self.removing)
        for one in added:
            found.added(self.kind(one), self.at(one), Risk.HARMLESS)
        for was, now in both:
            self.changed(was, now)
            found.comment(self.at(now), was.comment, now.comment)


class _Comparison:
    def __init__(self, found: Collector, old: Model, new: Model) -> None:
        self._found, self._old, self._new = found, old, new
        self._types = False  # whether any column's type differs

    def run(self) -> None:
        found, old, new = self._found, self._old, self._new
        _Whole(lambda _: Kind.SCHEMA, _schema_at, Risk.LOSES, _nothing).compare(
            found, old.schemas, new.schemas
        )
        _Whole(lambda _: Kind.EXTENSION, _schema_at, Risk.BREAKS, self._extension).compare(
            found, old.extensions, new.extensions
        )
        _Whole(lambda _: Kind.ENUM, _at, Risk.BREAKS, self._enum).compare(
            found, old.enums, new.enums
        )
        _Whole(lambda _: Kind.DOMAIN, _at, Risk.BREAKS, self._domain).compare(
            found, old.domains, new.domains
        )
        _Whole(lambda _: Kind.COMPOSITE, _at, Risk.BREAKS, self._composite).compare(
            found, old.composites, new.composites
        )
        _Whole(lambda _: Kind.RANGE, _at, Risk.BREAKS, self._range).compare(
            found, old.ranges, new.ranges
        )
        self._tables()
        self._sequences()
        _Whole(_view_kind, _at, Risk.BREAKS, self._view).compare(found, old.views, new.views)
        _Whole(_routine_kind, _routine_at, Risk.BREAKS, self._routine).compare(
            found, old.routines, new.routines
        )

    def _tables(self) -> None:
        removed, added, both = matched(self._old.tables, self._new.tables, _at)
        for one in removed:
            self._found.removed(Kind.TABLE, _at(one), Risk.LOSES)
        for one in added:
            self._found.added(Kind.TABLE, _at(one), Risk.HARMLESS)
        for was, now in both:
            self._types |= compare_tables(self._found, was, now)

    def _sequences(self) -> None:
        """But for those that came or went with the column that owns them, or got its type."""
        was, now = _columns(self._old), _columns(self._new)
        old = [one for one in self._old.sequences if _owner(one) in now]
        new = [one for one in self._new.sequences if _owner(one) in was]
        _Whole(lambda _: Kind.SEQUENCE, _at, Risk.BREAKS, self._sequence).compare(
            self._found, old, new
        )

    def _sequence(self, old: DatabaseSequence, new: DatabaseSequence) -> None:
        followed = self._types and bool(new.owner_table)
        was, now = _sequence_text(old, followed), _sequence_text(new, followed)
        if was != now:
            self._found.redefined(Kind.SEQUENCE, _at(new), was, now, Risk.BEHAVES)

    def _extension(self, old: Extension, new: Extension) -> None:
        was, now = f"{old.version} in {old.schema}", f"{new.version} in {new.schema}"
        if was != now:
            self._found.changed(Kind.EXTENSION, quoted(new.name), was, now, Risk.BEHAVES)

    def _enum(self, old: Enum, new: Enum) -> None:
        at = _at(new)
        for label in old.labels:
            if label not in new.labels:
                self._found.removed(Kind.ENUM_LABEL, label, Risk.BREAKS, of=at)
        for label in new.labels:
            if label not in old.labels:
                self._found.added(Kind.ENUM_LABEL, label, Risk.HARMLESS, of=at)
        was = [label for label in old.labels if label in new.labels]
        now = [label for label in new.labels if label in old.labels]
        if was != now:
            subject, before, after = f"The order of enum `{at}`", ", ".join(was), ", ".join(now)
            self._found.changed(Kind.ENUM, at, before, after, Risk.BREAKS, subject=subject)

    def _domain(self, old: Domain, new: Domain) -> None:
        at = _at(new)
        if old.type != new.type:
            risk = type_risk(old.type, new.type)
            self._found.changed(Kind.DOMAIN, at, old.type, new.type, risk)
        facts = (
            ("The default of domain", old.default, new.default),
            ("The nullability of domain", _null(old), _null(new)),
            ("The collation of domain", old.collation, new.collation),
        )
        for subject, was, now in facts:
            if not self._found.texts.same(was, now):
                said = f"{subject} `{at}`"
                self._found.changed(Kind.DOMAIN, at, was, now, Risk.BEHAVES, subject=said)
        for part in CONSTRAINTS.values():
            sides = [
                [one for one in side.constraints if CONSTRAINTS.get(one.kind) is part]
                for side in (old, new)
            ]
            part.compare(self._found, at, *sides, types=old.type != new.type)

    def _composite(self, old: Composite, new: Composite) -> None:
        was, now = _attributes(old), _attributes(new)
        if was != now:
            self._found.redefined(Kind.COMPOSITE, _at(new), was, now, Risk.BREAKS)
        for a, b in matched(old.attributes, new.attributes, lambda one: one.name)[2]:
            self._found.comment(f"{_at(new)}.{quoted(b.name)}", a.comment, b.comment)

    def _range(self, old: Range, new: Range) -> None:
        if old.subtype != new.subtype:
            self._found.changed(Kind.RANGE, _at(new), old.subtype, new.subtype, Risk.BREAKS)

    def _view(self, old: View, new: View) -> None:
        kind = _view_kind(new)
        if old.materialised != new.materialised:
            was = str(_view_kind(old))
            self._found.changed(
                kind, _at(new), was, str(kind), Risk.BREAKS, subject=f"`{_at(new)}`"
            )
            return
        compare_views(self._found, kind, old, new, types=self._types)

    def _routine(self, old: Routine, new: Routine) -> None:
        if not self._found.texts.same(old.definition, new.definition):
            risk = Risk.BREAKS if old.returns != new.returns else Risk.BEHAVES
            at, kind = _routine_at(new), _routine_kind(new)
            self._found.redefined(kind, at, old.definition, new.definition, risk)


def _nothing(_old: Schema, _new: Schema) -> None:
    """A schema has a name and a comment."""


def _null(one: Domain) -> str:
    return "nullable" if one.nullable else "NOT NULL"


def _view_kind(one: View) -> Kind:
    return Kind.MATERIALISED_VIEW if one.materialised else Kind.VIEW


def _routine_kind(one: Routine) -> Kind:
    return Kind(one.kind)


def _attributes(one: Composite) -> str:
    return "\n".join(f"{quoted(held.name)} {held.type}" for held in one.attributes)


def _sequence_text(one: DatabaseSequence, followed: bool) -> str:
    """`followed` leaves out what a sequence takes from its column's type."""
    words = [] if followed else [f"AS {one.type}", f"MAXVALUE {one.maximum}"]
    words += [f"INCREMENT {one.increment}", f"MINVALUE {one.minimum}", f"START {one.start}"]
    words += ["CYCLE"] if one.cycle else []
    words += [f"OWNED BY {one.owner_table}.{one.owner_column}"] if one.owner_table else []
    return "\n".join(words)


def _owner(one: DatabaseSequence) -> tuple[str, str]:
    return one.owner_table, one.owner_column


def _columns(model: Model) -> set[tuple[str, str]]:
    """Every column that may own a sequence; `("", "")` for those without an owner."""
    held = {(_at(table), column.name) for table in model.tables for column in table.columns}
    return held | {("", "")}
