"""Can a reader's type take every value of a writer's? Specification, "Schema Resolution".

The comparison asks here wherever a union leaves a choice. The answer for recursive types is the
largest consistent one: pairs are readable unless something proves that they are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from schemas.formats.avro.model import (
    Array,
    Enum,
    Field,
    Fixed,
    MapOf,
    Named,
    Primitive,
    Record,
    Type,
    Union,
)
from schemas.formats.base import Budget

# The reader's kinds for each writer's, the closest first.
PROMOTIONS: Final = {
    "int": ("int", "long", "float", "double"),
    "long": ("long", "float", "double"),
    "float": ("float", "double"),
    "string": ("string", "bytes"),
    "bytes": ("bytes", "string"),
}

Pair = tuple[int, int]


def promotes(writer: str, reader: str) -> bool:
    """Whether a primitive of one kind is read as another kind."""
    return reader == writer or reader in PROMOTIONS.get(writer, ())


def names_match(reader: Named, writer: Named) -> bool:
    """Unqualified names are compared, as Java does, and the reader's aliases by full name."""
    return reader.name == writer.name or writer.full in reader.aliases


def sources(field: Field, writer: Record) -> list[int]:
    """Positions of the writer's fields that a reader's field names, itself or by its aliases.

    More than one is an error: Java's readers refuse such a pair.
    """
    names = (field.name, *field.aliases)
    return [writer.positions[name] for name in names if name in writer.positions]


def candidates(union: Union, writer: Type) -> list[int]:
    """Positions of a reader's branches that may take a writer's type, the likeliest first."""
    if not isinstance(writer, Named):
        kinds = PROMOTIONS.get(writer.kind, (writer.kind,))
        return [union.by_kind[kind] for kind in kinds if kind in union.by_kind]
    by_name = union.by_name
    found = [
        *by_name.get((writer.kind, writer.name), ()),
        *by_name.get((writer.kind, writer.full), ()),
    ]
    full = writer.full
    matching = {index: named.full != full for index, named in found if names_match(named, writer)}
    return sorted(matching, key=matching.__getitem__)


class _Requirement:
    """One of `alternatives` has to be readable, else `owner` is not."""

    __slots__ = ("left", "owner")

    def __init__(self, owner: Pair, left: int) -> None:
        self.owner = owner
        self.left = left


class Verdicts:
    """Readable or not for pairs of types; each pair is judged once."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[Pair, bool] = {}

    def readable(self, reader: Type, writer: Type) -> bool:
        simple = simple_verdict(reader, writer)
        if simple is not None:
            return simple
        pair = (id(reader), id(writer))
        if pair not in self._known:
            self._judge(reader, writer)
        return self._known[pair]

    def _judge(self, reader: Type, writer: Type) -> None:
        """Every pair that the question leads to, then what falsehoods make false."""
        watchers: dict[Pair, list[_Requirement]] = {(id(reader), id(writer)): []}
        false: list[Pair] = []
        todo = [(reader, writer)]
        while todo:
            self._budget.spend()
            reader, writer = todo.pop()
            owner = (id(reader), id(writer))
            for alternatives in requirements(reader, writer):
                self._budget.spend()
                pairs = self._open(alternatives)
                if pairs is None:
                    continue
                requirement = _Requirement(owner, len(pairs))
                if not pairs:
                    false.append(owner)
                for one in pairs:
                    pair = (id(one[0]), id(one[1]))
                    if pair not in watchers:
                        watchers[pair] = []
                        todo.append(one)
                    watchers[pair].append(requirement)
        self._known.update(dict.fromkeys(watchers, True))
        self._spread(false, watchers)

    def _open(self, alternatives: list[tuple[Type, Type]]) -> list[tuple[Type, Type]] | None:
        """The alternatives that are not known to fail; None when one is known to hold."""
        left = []
        for reader, writer in alternatives:
            verdict = simple_verdict(reader, writer)
            if verdict is None:
                verdict = self._known.get((id(reader), id(writer)))
            if verdict:
                return None
            if verdict is None:
                left.append((reader, writer))
        return left

    def _spread(self, false: list[Pair], watchers: dict[Pair, list[_Requirement]]) -> None:
        while false:
            pair = false.pop()
            if not self._known[pair]:
                continue
            self._known[pair] = False
            for requirement in watchers[pair]:
                requirement.left -= 1
                if not requirement.left:
                    false.append(requirement.owner)


def simple_verdict(reader: Type, writer: Type) -> bool | None:
    """The answer where no other pair has to be asked."""
    if isinstance(reader, Union) or isinstance(writer, Union):
        return None
    if isinstance(reader, Primitive) or isinstance(writer, Primitive):
        return promotes(writer.kind, reader.kind)
    if reader.kind != writer.kind:
        return False
    if isinstance(reader, Fixed) and isinstance(writer, Fixed):
        return names_match(reader, writer) and reader.size == writer.size
    if isinstance(reader, Enum) and isinstance(writer, Enum):
        takes_all = reader.default is not None or writer.known <= reader.known
        return names_match(reader, writer) and takes_all
    return None


def requirements(reader: Type, writer: Type) -> Iterator[list[tuple[Type, Type]]]:
    """What has to hold: of each list one pair; an empty list never does."""
    if isinstance(writer, Union):
        for branch in writer.branches:
            yield [(reader, branch)]
    elif isinstance(reader, Union):
        yield [(reader.branches[index], writer) for index in candidates(reader, writer)]
    elif isinstance(reader, Array) and isinstance(writer, Array):
        yield [(reader.items, writer.items)]
    elif isinstance(reader, MapOf) and isinstance(writer, MapOf):
        yield [(reader.values, writer.values)]
    elif isinstance(reader, Record) and isinstance(writer, Record):
        yield from _of_records(reader, writer)


def _of_records(reader: Record, writer: Record) -> Iterator[list[tuple[Type, Type]]]:
    if not names_match(reader, writer):
        yield []
    for field in reader.fields:
        found = sources(field, writer)
        if len(found) == 1:
            yield [(field.type, writer.fields[found[0]].type)]
        elif found or not field.has_default:
            yield []
