"""Compares two Protobuf schemas by field number: what the reader makes of the writer's bytes.

Called by `language`. Messages are met by name from the file down; imported types by the fields
that use them, each pair of types once, from a list rather than by recursion. A field breaks when
its pair does: that spreads afterwards, over the fields that lead to a broken pair.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.formats.base import Budget, Difference
from schemas.formats.protobuf.advice import advice
from schemas.formats.protobuf.descriptors import Enum, File, Message
from schemas.formats.protobuf.fieldcompare import FieldPair, field_changes, message_pair
from schemas.formats.protobuf.kinds import INCOMPATIBLE, Kind
from schemas.formats.protobuf.oneofs import Layout, exclusive, gone_whole
from schemas.formats.protobuf.reserved import Spans, covers, given_up, spans
from schemas.formats.protobuf.schema import ProtobufSchema
from schemas.formats.protobuf.types import Type, groups

Path = tuple[str, ...]
Places = tuple[Path, Path]  # the reader's, the writer's
Key = tuple[str, str]  # full names: the writer's type, the reader's
ROOT: Key = ("", "")  # the files themselves


def compare(reader: ProtobufSchema, writer: ProtobufSchema) -> tuple[Difference, ...]:
    """Every difference, harmless ones included; raises `TooComplex`."""
    return _Comparison(reader, writer).all()


@dataclass
class _Unit:
    """The differences inside one pair of messages (or files), and the pairs its fields lead to."""

    found: list[Difference] = field(default_factory=list)
    leads: list[tuple[Key, FieldPair, Path, Path]] = field(default_factory=list)

    def add(
        self,
        kind: Kind,
        reader_at: Path,
        writer_at: Path,
        old: Any = None,
        new: Any = None,
        *,
        subject: str = "",
    ) -> None:
        fine = kind not in INCOMPATIBLE
        sentence = advice(kind, subject, old, new)
        self.found.append(
            Difference(
                kind.value, _pointer(reader_at), _pointer(writer_at), old, new, fine, fine, sentence
            )
        )


class _Comparison:
    def __init__(self, reader: ProtobufSchema, writer: ProtobufSchema) -> None:
        self._reader = reader
        self._writer = writer
        self._budget = Budget()
        self._units: dict[Key, _Unit] = {}
        self._waiting: deque[Key] = deque()

    def all(self) -> tuple[Difference, ...]:
        self._units[ROOT] = root = _Unit()
        self._files(root, self._writer.files[-1], self._reader.files[-1])
        while self._waiting:
            key = self._waiting.popleft()
            old, new = self._writer.types[key[0]], self._reader.types[key[1]]
            self._messages(self._units[key], old, new, new.path, old.path)
        self._spread()
        return tuple(difference for unit in self._units.values() for difference in unit.found)

    def _files(self, unit: _Unit, old: File, new: File) -> None:
        if old.package != new.package:
            unit.add(Kind.PACKAGE_CHANGED, (), (), old.package, new.package, subject="its messages")
        self._holders(unit, _tops(self._writer, old), _tops(self._reader, new), (), ())
        self._enums(unit, old.enum_type, new.enum_type, (), ())

    def _holders(
        self,
        unit: _Unit,
        olds: Sequence[Type],
        news: Sequence[Type],
        reader_at: Path,
        writer_at: Path,
    ) -> None:
        """The messages declared at one place, met by name."""
        before = {each.message.name: (at, each) for at, each in enumerate(olds)}
        after = {each.message.name: (at, each) for at, each in enumerate(news)}
        for name in _union(before, after):
            if name not in after:
                unit.add(Kind.MESSAGE_REMOVED, reader_at, (*writer_at, name), name)
            elif name not in before:
                unit.add(Kind.MESSAGE_ADDED, (*reader_at, name), writer_at, None, name)
            else:
                (was, old), (now, new) = before[name], after[name]
                place = (*reader_at, name), (*writer_at, name)
                self._messages(unit, old, new, *place)
                if was != now:
                    unit.add(Kind.MESSAGE_MOVED, *place, was, now)

    def _messages(
        self, unit: _Unit, old: Type, new: Type, reader_at: Path, writer_at: Path
    ) -> None:
        self._budget.spend()
        before, after = Layout.of(old.message), Layout.of(new.message)
        self._oneofs(unit, before, after, reader_at, writer_at)
        dropped = gone_whole(before, after)
        taken = _reserved_fields(new.message)
        if given_up(_reserved_fields(old.message), taken):
            unit.add(Kind.RESERVED_FIELD_NUMBER_DELETED, reader_at, writer_at)
        for number in sorted(before.fields.keys() | after.fields.keys()):
            pair = FieldPair(number, before, after, old, new)
            places = pair.places(reader_at, writer_at)
            if pair.new is None:
                self._removed(unit, pair, places, dropped, taken)
            elif pair.old is None:
                self._added(unit, pair, places)
            else:
                self._fields(unit, pair, places)
        inside = _inner(self._writer, old), _inner(self._reader, new)
        self._holders(unit, *inside, reader_at, writer_at)
        self._enums(unit, old.message.enum_type, new.message.enum_type, reader_at, writer_at)

    def _oneofs(
        self, unit: _Unit, before: Layout, after: Layout, reader_at: Path, writer_at: Path
    ) -> None:
        for kind, name, numbers in exclusive(before, after):
            told = " and ".join(f"`{before.fields[number].name}`" for number in numbers)
            unit.add(kind, (*reader_at, name), writer_at, told, name)
        for name in _union(before.oneofs, after.oneofs):
            if name not in after.oneofs:
                unit.add(Kind.ONEOF_REMOVED, reader_at, (*writer_at, name), name)
            elif name not in before.oneofs:
                unit.add(Kind.ONEOF_ADDED, (*reader_at, name), writer_at, None, name)

    def _removed(
        self,
        unit: _Unit,
        pair: FieldPair,
        places: Places,
        dropped: set[str],
        taken: Spans,
    ) -> None:
        if pair.old_oneof and pair.old_oneof not in dropped:
            kind = Kind.ONEOF_FIELD_REMOVED
        else:
            kind = Kind.REQUIRED_FIELD_REMOVED if pair.was_required else Kind.FIELD_REMOVED
        unit.add(kind, *places, pair.told_old, None, subject=pair.subject)
        if not covers(taken, pair.number, pair.number):
            unit.add(Kind.FIELD_DELETED_NO_NUMBER_RESERVED, *places, pair.told_old)

    def _added(self, unit: _Unit, pair: FieldPair, places: Places) -> None:
        if pair.new_oneof:
            kind = Kind.ONEOF_FIELD_ADDED
        else:
            kind = Kind.REQUIRED_FIELD_ADDED if pair.is_required else Kind.FIELD_ADDED
        unit.add(kind, *places, None, pair.told_new, subject=pair.subject)

    def _fields(self, unit: _Unit, pair: FieldPair, places: Places) -> None:
        for change in field_changes(pair):
            unit.add(change.kind, *places, change.old, change.new, subject=pair.subject)
        key = message_pair(pair)
        if key is not None:
            if key not in self._units:
                self._units[key] = _Unit()
                self._waiting.append(key)
            unit.leads.append((key, pair, *places))

    def _enums(
        self,
        unit: _Unit,
        olds: Iterable[Enum],
        news: Iterable[Enum],
        reader_at: Path,
        writer_at: Path,
    ) -> None:
        before = {enum.name: enum for enum in olds}
        after = {enum.name: enum for enum in news}
        for name in _union(before, after):
            if name not in after:
                unit.add(Kind.ENUM_REMOVED, reader_at, (*writer_at, name), name)
            elif name not in before:
                unit.add(Kind.ENUM_ADDED, (*reader_at, name), writer_at, None, name)
            else:
                self._constants(
                    unit, before[name], after[name], (*reader_at, name), (*writer_at, name)
                )

    def _constants(
        self, unit: _Unit, old: Enum, new: Enum, reader_at: Path, writer_at: Path
    ) -> None:
        taken = _reserved_constants(new)
        if given_up(_reserved_constants(old), taken):
            unit.add(Kind.RESERVED_ENUM_VALUE_NUMBER_DELETED, reader_at, writer_at)
        before = {value.number: value.name for value in old.value}
        after = {value.number: value.name for value in new.value}
        for number in sorted(before.keys() | after.keys()):
            self._budget.spend()
            was, now, at = before.get(number), after.get(number), str(number)
            if now is None:
                unit.add(Kind.ENUM_CONST_REMOVED, reader_at, (*writer_at, at), was)
                if not covers(taken, number, number):
                    kind = Kind.ENUM_VALUE_DELETED_NO_NUMBER_RESERVED
                    unit.add(kind, reader_at, (*writer_at, at), was)
            elif was is None:
                unit.add(Kind.ENUM_CONST_ADDED, (*reader_at, at), writer_at, None, now)
            elif was != now:
                unit.add(Kind.ENUM_CONST_CHANGED, (*reader_at, at), (*writer_at, at), was, now)

    def _spread(self) -> None:
        """Marks each field that leads to a broken pair; a loop of pairs is broken as a whole."""
        users: dict[Key, list[Key]] = {}
        for owner, unit in self._units.items():
            for key, *_ in unit.leads:
                users.setdefault(key, []).append(owner)
        broken = {key for key, unit in self._units.items() if _breaks(unit)}
        waiting = deque(broken)
        while waiting:
            self._budget.spend()
            fresh = [user for user in users.get(waiting.popleft(), []) if user not in broken]
            broken.update(fresh)
            waiting.extend(fresh)
        for unit in self._units.values():
            for key, pair, reader_at, writer_at in unit.leads:
                if key in broken:
                    kind = Kind.FIELD_NAMED_TYPE_CHANGED
                    told = pair.told_old, pair.told_new
                    unit.add(kind, reader_at, writer_at, *told, subject=pair.subject)


def _breaks(unit: _Unit) -> bool:
    return any(not difference.strict for difference in unit.found)


def _tops(schema: ProtobufSchema, file: File) -> list[Type]:
    start = f".{file.package}." if file.package else "."
    grouped = {each.type_name for each in file.extension if each.type == each.TYPE_GROUP}
    names = [start + message.name for message in file.message_type]
    return [schema.types[name] for name in names if name not in grouped]


def _inner(schema: ProtobufSchema, holder: Type) -> list[Type]:
    """The messages declared inside, without those that a map or group made."""
    made = groups(holder.message)
    return [
        schema.types[name]
        for name, message in holder.nested.items()
        if name not in made and not message.options.map_entry
    ]


def _union(before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    """Every name once, the older ones first."""
    return iter(dict.fromkeys([*before, *after]))


def _reserved_fields(message: Message) -> Spans:
    return spans([(taken.start, taken.end - 1) for taken in message.reserved_range])


def _reserved_constants(enum: Enum) -> Spans:
    return spans([(taken.start, taken.end) for taken in enum.reserved_range])


def _pointer(path: Path) -> str:
    return "#/" + "/".join(path)
