"""Every difference between a reader's schema and a writer's, harmless ones included.

Kinds of incompatibilities are those of Java Avro's `SchemaCompatibility`; rules are those of the
specification's "Schema Resolution". The walk keeps its own stack and meets each pair of named
types once, so that recursive types end. `schemas.formats.avro.members` compares what they hold.
"""

from __future__ import annotations

from typing import Final

from schemas.formats.avro import advice
from schemas.formats.avro.findings import Findings, Place, Visit
from schemas.formats.avro.members import compare_fields, compare_sizes, compare_symbols
from schemas.formats.avro.model import (
    Array,
    Enum,
    Fixed,
    MapOf,
    Named,
    Primitive,
    Record,
    Type,
    Union,
    described,
    label,
)
from schemas.formats.avro.resolution import candidates, names_match, promotes
from schemas.formats.base import Budget, Difference

_LOSSY: Final = {("int", "float"), ("long", "float"), ("long", "double")}


def compare(reader: Type, writer: Type, budget: Budget) -> tuple[Difference, ...]:
    """The differences from `writer` to `reader`; raises `TooComplex`."""
    walk = Walk(Findings(budget))
    walk.run(Visit(reader, writer, Place()))
    return tuple(walk.findings.found)


class Walk:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._met: set[tuple[int, int]] = set()

    def run(self, start: Visit) -> None:
        stack = [start]
        while stack:
            self.findings.budget.spend()
            self._meet(stack.pop())
            stack += reversed(self.findings.next)
            self.findings.next.clear()

    def _meet(self, visit: Visit) -> None:
        reader, writer, place = visit.reader, visit.writer, visit.place
        if isinstance(writer, Union):
            self._written_union(reader, writer, place)
        elif isinstance(reader, Union):
            self._read_union(reader, writer, place)
        elif isinstance(reader, Named) and isinstance(writer, Named) and reader.kind == writer.kind:
            self._named(reader, writer, place)
        elif isinstance(reader, Array) and isinstance(writer, Array):
            self.findings.properties(reader.props, writer.props, place)
            self.findings.visit(reader.items, writer.items, place.down("/items", "/items", "[]"))
        elif isinstance(reader, MapOf) and isinstance(writer, MapOf):
            self.findings.properties(reader.props, writer.props, place)
            inside = place.down("/values", "/values", "{}")
            self.findings.visit(reader.values, writer.values, inside)
        elif isinstance(reader, Primitive) and isinstance(writer, Primitive):
            self._primitive(reader, writer, place)
        else:
            self._mismatch(reader, writer, place)

    def _mismatch(self, reader: Type, writer: Type, place: Place) -> None:
        new, old = described(reader), described(writer)
        tell = advice.type_mismatch(place.path, new, old)
        self.findings.add("TYPE_MISMATCH", place, old, new, ok=False, tell=tell)

    def _primitive(self, reader: Primitive, writer: Primitive, place: Place) -> None:
        if not promotes(writer.kind, reader.kind):
            self._mismatch(reader, writer, place)
            return
        if reader.kind != writer.kind:
            lossy = (writer.kind, reader.kind) in _LOSSY
            tell = advice.imprecise(place.path, writer.kind, reader.kind) if lossy else ""
            self.findings.add("TYPE_PROMOTED", place, writer.kind, reader.kind, tell=tell)
        self._logical(reader, writer, place)
        self.findings.properties(reader.props, writer.props, place)

    def _logical(self, reader: Primitive | Fixed, writer: Primitive | Fixed, place: Place) -> None:
        """Resolution looks at the underlying types alone; people read the annotations."""
        new, old = reader.logical, writer.logical
        if new == old:
            return
        as_read, as_written = described(reader), described(writer)
        if new and old and new.name == old.name == "decimal":
            kind = "DECIMAL_CHANGED"
            tell = advice.decimal_changed(place.path, as_read, as_written)
        else:
            kind = "LOGICAL_TYPE_CHANGED"
            tell = advice.logical_changed(place.path, as_read, as_written)
        self.findings.add(
            kind, place, str(old) if old else None, str(new) if new else None, tell=tell
        )

    def _written_union(self, reader: Type, writer: Union, place: Place) -> None:
        branches = [place.down("", f"/{index}") for index in range(len(writer.branches))]
        if not isinstance(reader, Union):
            self.findings.add("UNION_NARROWED", place, described(writer), described(reader))
            for branch, inside in zip(writer.branches, branches, strict=True):
                self.findings.visit(reader, branch, inside)
            return
        taken = set()
        for branch, inside in zip(writer.branches, branches, strict=True):
            taken.add(self._branch(reader, branch, inside))
        for index, branch in enumerate(reader.branches):
            if index not in taken and label(branch) not in writer.tags:
                inside = place.down(f"/{index}", "")
                self.findings.add("UNION_BRANCH_ADDED", inside, None, described(branch))

    def _read_union(self, reader: Union, writer: Type, place: Place) -> None:
        if self._branch(reader, writer, place) is not None:
            self.findings.add("UNION_WIDENED", place, described(writer), described(reader))

    def _branch(self, reader: Union, writer: Type, place: Place) -> int | None:
        """The branch that takes the writer's type; reports when none does, and why."""
        possible = candidates(reader, writer)
        readable = self.findings.verdicts.readable
        taken = next((i for i in possible if readable(reader.branches[i], writer)), None)
        if taken is None:
            old = described(writer)
            tell = advice.missing_branch(place.path, old)
            new = described(reader)
            self.findings.add("MISSING_UNION_BRANCH", place, old, new, ok=False, tell=tell)
        nearest = taken if taken is not None else next(iter(possible), None)
        if nearest is not None:
            self.findings.visit(reader.branches[nearest], writer, place.down(f"/{nearest}", ""))
        return taken

    def _named(self, reader: Named, writer: Named, place: Place) -> None:
        """Two named types of one kind, once however often they meet."""
        if (id(reader), id(writer)) in self._met:
            return
        self._met.add((id(reader), id(writer)))
        place = place.defined(reader.at, writer.at)
        self._name(reader, writer, place)
        self.findings.attributes(reader, writer, place)
        if isinstance(reader, Record) and isinstance(writer, Record):
            compare_fields(self.findings, reader, writer, place)
        elif isinstance(reader, Enum) and isinstance(writer, Enum):
            compare_symbols(self.findings, reader, writer, place)
        elif isinstance(reader, Fixed) and isinstance(writer, Fixed):
            compare_sizes(self.findings, reader, writer, place)
            self._logical(reader, writer, place)

    def _name(self, reader: Named, writer: Named, place: Place) -> None:
        if reader.full == writer.full:
            return
        kind, tell = "TYPE_RENAMED", ""
        matching = names_match(reader, writer)
        if not matching:
            kind = "NAME_MISMATCH"
            tell = advice.name_mismatch(reader.kind, reader.full, writer.full)
        elif reader.name == writer.name:
            kind = "NAMESPACE_CHANGED"
        inside = place.down("/name", "/name")
        self.findings.add(kind, inside, writer.full, reader.full, ok=matching, tell=tell)
