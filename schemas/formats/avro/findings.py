"""What a comparison has found and where it still goes: shared by the walk and its members.

`schemas.formats.avro.comparison` walks, `schemas.formats.avro.members` compares named types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from schemas.formats.avro.model import Field, Named, Props, Type
from schemas.formats.avro.resolution import Verdicts
from schemas.formats.base import Budget, Difference

_PATH: Final = 6  # fields shown of a deep path
_LOGICAL_PROPS: Final = frozenset({"logicalType", "precision", "scale"})  # reported apart
_ABSENT: Final = object()


class Place(NamedTuple):
    """Where the walk is: pointers into both schemas, and the fields that led here.

    A type of another text has no pointers inside: its place is where it is used.
    """

    reader_at: str = ""
    writer_at: str = ""
    path: tuple[str, ...] = ()
    reader_foreign: bool = False
    writer_foreign: bool = False

    def down(self, reader: str, writer: str, step: str = "") -> Place:
        return Place(
            self.reader_at if self.reader_foreign else self.reader_at + reader,
            self.writer_at if self.writer_foreign else self.writer_at + writer,
            (*self.path[-_PATH:], step) if step else self.path,
            self.reader_foreign,
            self.writer_foreign,
        )

    def defined(self, reader_at: str | None, writer_at: str | None) -> Place:
        """Inside two named types, where their texts define them."""
        return Place(
            self.reader_at if reader_at is None else reader_at,
            self.writer_at if writer_at is None else writer_at,
            self.path,
            reader_at is None,
            writer_at is None,
        )


@dataclass(slots=True)
class Visit:
    """Two types that meet, and where."""

    reader: Type
    writer: Type
    place: Place


class Findings:
    """What the walk reports and where it still has to go."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.verdicts = Verdicts(budget)
        self.found: list[Difference] = []
        self.next: list[Visit] = []

    def add(
        self, kind: str, place: Place, old: Any, new: Any, *, ok: bool = True, tell: str = ""
    ) -> None:
        self.found.append(
            Difference(kind, place.reader_at, place.writer_at, old, new, ok, ok, tell)
        )

    def visit(self, reader: Type, writer: Type, place: Place) -> None:
        if reader is not writer:
            self.next.append(Visit(reader, writer, place))

    def attributes(self, reader: Named | Field, writer: Named | Field, place: Place) -> None:
        """Doc, aliases and properties, which hurt nobody's data."""
        if reader.doc != writer.doc:
            self.add("DOC_CHANGED", place, writer.doc, reader.doc)
        if reader.aliases != writer.aliases:
            self.add("ALIASES_CHANGED", place, list(writer.aliases), list(reader.aliases))
        self.properties(reader.props, writer.props, place)

    def properties(self, reader: Props, writer: Props, place: Place) -> None:
        if reader == writer:
            return
        names = [n for n in {**writer, **reader} if n not in _LOGICAL_PROPS]
        old = {n: writer[n] for n in names if n in writer and writer[n] != reader.get(n, _ABSENT)}
        new = {n: reader[n] for n in names if n in reader and reader[n] != writer.get(n, _ABSENT)}
        if old or new:
            self.add("PROPERTY_CHANGED", place, old or None, new or None)
