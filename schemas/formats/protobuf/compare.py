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
from schemas.formats.protobuf.descriptors import Enum, File
from schemas.formats.protobuf.fieldcompare import field_changes, message_pair
from schemas.formats.protobuf.kinds import INCOMPATIBLE, Kind
from schemas.formats.protobuf.layout import Layout, Slot
from schemas.formats.protobuf.oneofs import exclusive, gone_whole
from schemas.formats.protobuf.reserved import Spans, covers, given_up, spans
from schemas.formats.protobuf.schema import ProtobufSchema
from schemas.formats.protobuf.types import Type, groups

Path = tuple[str, ...]
Places = tuple[Path, Path]  # the reader's, the writer's
Key = tuple[str, str]  # full names: the writer's type, the reader's
TOP: Places = ((), ())
ROOT: Key = ("", "")  # the files themselves


def compare(reader: ProtobufSchema, writer: ProtobufSchema) -> tuple[Difference, ...]:
    """Every difference, harmless ones included; raises `TooComplex`."""
    return _Comparison(reader, writer).all()


@dataclass
class _Unit:
    """The differences inside one pair of messages (or files), and the pairs its fields lead to."""

    found: list[Difference] = field(default_factory=list)
    leads: list[tuple[Key, Difference]] = field(default_factory=list)

    def add(
        self,
        kind: Kind,
        places: Places,
        old: Any = None,
        new: Any = None,
        *,
        subject: str = "",
    ) -> None:
        self.found.append(_difference(kind, places, old, new, subject))


def _difference(kind: Kind, places: Places, old: Any, new: Any, subject: str) -> Difference:
    fine = kind not in INCOMPATIBLE
    sentence = "" if fine else advice(kind, subject, old, new)
    reader_at, writer_at = map(_pointer, places)
    return Difference(kind.value, reader_at, writer_at, old, new, fine, fine, sentence)


class _Comparison:
    """One walk over both files and the imported types that fields lead to."""

    def __init__(self, reader: ProtobufSchema, writer: ProtobufSchema) -> None:
        self._reader = reader
        self._writer = writer
        self._budget = Budget()
        self._units: dict[Key, _Unit] = {}
        self._waiting: deque[tuple[Type, Type]] = deque()

    def all(self) -> tuple[Difference, ...]:
        self._units[ROOT] = root = _Unit()
        self._files(root, self._writer.files[-1], self._reader.files[-1])
        while self._waiting:
            old, new = self._waiting.popleft()
            self._messages(self._units[_key(old, new)], old, new, (new.path, old.path))
        self._spread()
        return tuple(difference for unit in self._units.values() for difference in unit.found)

    def _files(self, unit: _Unit, old: File, new: File) -> None:
        if old.package != new.package:
            names = old.package, new.package
            unit.add(Kind.PACKAGE_CHANGED, TOP, *names, subject="its messages")
        self._holders(unit, _tops(self._writer, old), _tops(self._reader, new), TOP)
        self._enums(unit, old.enum_type, new.enum_type, TOP)

    def _holders(
        self, unit: _Unit, olds: Sequence[Type], news: Sequence[Type], places: Places
    ) -> None:
        """The messages declared at one place, met by name."""
        before = {each.message.name: (at, each) for at, each in enumerate(olds)}
        after = {each.message.name: (at, each) for at, each in enumerate(news)}
        for name in _union(before, after):
            inner = _inside(places, name if name in after else "", name if name in before else "")
            if name not in after:
                unit.add(Kind.MESSAGE_REMOVED, inner, name)
            elif name not in before:
                unit.add(Kind.MESSAGE_ADDED, inner, None, name)
            else:
                (was, old), (now, new) = before[name], after[name]
                self._messages(unit, old, new, inner)
                if was != now:
                    unit.add(Kind.MESSAGE_MOVED, inner, was, now)

    def _messages(self, unit: _Unit, old: Type, new: Type, places: Places) -> None:
        self._budget.spend()
        before, after = _layout(self._writer, old), _layout(self._reader, new)
        self._oneofs(unit, before, after, places)
        if given_up(before.reserved, after.reserved):
            unit.add(Kind.RESERVED_FIELD_NUMBER_DELETED, places)
        dropped = gone_whole(before, after)
        for number in sorted(before.slots.keys() | after.slots.keys()):
            self._budget.spend()
            was, now = before.slots.get(number), after.slots.get(number)
            inner = _inside(places, _step(now, number), _step(was, number))
            if was and now:
                self._fields(unit, number, was, now, inner)
            elif was:
                unit.add(_removed(was, dropped), inner, was.told, subject=_subject(was, number))
                if not covers(after.reserved, number, number):
                    unit.add(Kind.FIELD_DELETED_NO_NUMBER_RESERVED, inner, was.told)
            elif now:
                unit.add(_added(now), inner, None, now.told, subject=_subject(now, number))
        self._holders(unit, _inner(self._writer, old), _inner(self._reader, new), places)
        self._enums(unit, old.message.enum_type, new.message.enum_type, places)

    def _oneofs(self, unit: _Unit, before: Layout, after: Layout, places: Places) -> None:
        for kind, name, numbers in exclusive(before, after):
            told = " and ".join(f"`{before.slots[number].name}`" for number in numbers)
            unit.add(kind, _inside(places, name, ""), told, name)
        for name in _union(before.oneofs, after.oneofs):
            if name not in after.oneofs:
                unit.add(Kind.ONEOF_REMOVED, _inside(places, "", name), name)
            elif name not in before.oneofs:
                unit.add(Kind.ONEOF_ADDED, _inside(places, name, ""), None, name)

    def _fields(self, unit: _Unit, number: int, old: Slot, new: Slot, places: Places) -> None:
        subject = _subject(new, number)
        for change in field_changes(old, new):
            unit.add(change.kind, places, change.old, change.new, subject=subject)
        pair = message_pair(old, new)
        if pair is None:
            return
        key = _key(*pair)
        if key not in self._units:
            self._units[key] = _Unit()
            self._waiting.append(pair)
        kind = Kind.FIELD_NAMED_TYPE_CHANGED
        unit.leads.append((key, _difference(kind, places, old.told, new.told, subject)))

    def _enums(
        self, unit: _Unit, olds: Iterable[Enum], news: Iterable[Enum], places: Places
    ) -> None:
        before = {enum.name: enum for enum in olds}
        after = {enum.name: enum for enum in news}
        for name in _union(before, after):
            inner = _inside(places, name if name in after else "", name if name in before else "")
            if name not in after:
                unit.add(Kind.ENUM_REMOVED, inner, name)
            elif name not in before:
                unit.add(Kind.ENUM_ADDED, inner, None, name)
            else:
                self._constants(unit, before[name], after[name], inner)

    def _constants(self, unit: _Unit, old: Enum, new: Enum, places: Places) -> None:
        taken = _reserved_constants(new)
        if given_up(_reserved_constants(old), taken):
            unit.add(Kind.RESERVED_ENUM_VALUE_NUMBER_DELETED, places)
        before = {value.number: value.name for value in old.value}
        after = {value.number: value.name for value in new.value}
        for number in sorted(before.keys() | after.keys()):
            self._budget.spend()
            was, now, at = before.get(number), after.get(number), str(number)
            if was == now:
                continue
            inner = _inside(places, at if now else "", at if was else "")
            if now is None:
                unit.add(Kind.ENUM_CONST_REMOVED, inner, was)
                if not covers(taken, number, number):
                    unit.add(Kind.ENUM_VALUE_DELETED_NO_NUMBER_RESERVED, inner, was)
            else:
                kind = Kind.ENUM_CONST_CHANGED if was else Kind.ENUM_CONST_ADDED
                unit.add(kind, inner, was, now)

    def _spread(self) -> None:
        """Marks each field that leads to a broken pair; a loop of pairs is broken as a whole."""
        users: dict[Key, list[Key]] = {}
        for owner, unit in self._units.items():
            for key, _ in unit.leads:
                users.setdefault(key, []).append(owner)
        broken = {key for key, unit in self._units.items() if _breaks(unit)}
        waiting = deque(broken)
        while waiting:
            self._budget.spend()
            fresh = {user for user in users.get(waiting.popleft(), []) if user not in broken}
            broken |= fresh
            waiting.extend(fresh)
        for unit in self._units.values():
            unit.found += [difference for key, difference in unit.leads if key in broken]


def _key(old: Type, new: Type) -> Key:
    return old.full_name, new.full_name


def _layout(schema: ProtobufSchema, holder: Type) -> Layout:
    """Kept with the schema; two threads may both build it, to the same result."""
    found = schema.layouts.get(holder.full_name)
    if found is None:
        found = schema.layouts[holder.full_name] = Layout.of(holder)
    return found


def _step(slot: Slot | None, number: int) -> str:
    """A field's step of a pointer: its oneof stands before its number."""
    if slot is None:
        return ""
    return f"{slot.oneof}/{number}" if slot.oneof else str(number)


def _subject(slot: Slot, number: int) -> str:
    return f"field {number} (`{slot.name}`)"


def _removed(slot: Slot, dropped: set[str]) -> Kind:
    if slot.oneof and slot.oneof not in dropped:
        return Kind.ONEOF_FIELD_REMOVED
    return Kind.REQUIRED_FIELD_REMOVED if slot.required else Kind.FIELD_REMOVED


def _added(slot: Slot) -> Kind:
    if slot.oneof:
        return Kind.ONEOF_FIELD_ADDED
    return Kind.REQUIRED_FIELD_ADDED if slot.required else Kind.FIELD_ADDED


def _inside(places: Places, reader_step: str, writer_step: str) -> Places:
    """One step further on each side that has it."""
    reader_at, writer_at = places
    return (
        (*reader_at, reader_step) if reader_step else reader_at,
        (*writer_at, writer_step) if writer_step else writer_at,
    )


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


def _reserved_constants(enum: Enum) -> Spans:
    return spans([(taken.start, taken.end) for taken in enum.reserved_range])


def _pointer(path: Path) -> str:
    return "#/" + "/".join(path)
