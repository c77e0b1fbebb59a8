"""One field on both sides: what changed in its name, label and type.

Called by `compare`, which follows the pair of messages that `message_pair` names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemas.formats.protobuf.descriptors import F, Field, File, Message
from schemas.formats.protobuf.fields import LABELS, map_entry, type_name
from schemas.formats.protobuf.kinds import (
    FAMILIES,
    TEXT,
    Kind,
    Shape,
    required,
    shape,
    written_label,
)
from schemas.formats.protobuf.oneofs import Layout
from schemas.formats.protobuf.types import Type

Path = tuple[str, ...]
MESSAGES = (F.TYPE_MESSAGE, F.TYPE_GROUP)


@dataclass(frozen=True)
class Side:
    """A field with the file and the nested types that say what it means."""

    field: Field
    file: File
    nested: Mapping[str, Message]
    known: Mapping[str, Type]

    @property
    def told(self) -> str:
        """Its label and type in words: `repeated int32`."""
        kind = type_name(self.field, self.nested, lambda name: name.lstrip("."))
        label = written_label(self.field, self.file)
        if label is None or map_entry(self.field, self.nested) is not None:
            return kind
        return f"{LABELS[label]} {kind}"

    @property
    def shape(self) -> Shape:
        return shape(self.field, self.file, self.nested)

    def entry(self) -> tuple[Side, Side]:
        """Key and value of a map field."""
        key, value = self.nested[self.field.type_name].field
        return Side(key, self.file, {}, self.known), Side(value, self.file, {}, self.known)


@dataclass(frozen=True)
class Change:
    kind: Kind
    old: str
    new: str


@dataclass(frozen=True)
class FieldPair:
    """The fields of one number, either of which may be missing."""

    number: int
    before: Layout
    after: Layout
    old_type: Type
    new_type: Type

    @property
    def old(self) -> Side | None:
        return _side(self.before, self.number, self.old_type)

    @property
    def new(self) -> Side | None:
        return _side(self.after, self.number, self.new_type)

    @property
    def old_oneof(self) -> str:
        return self.before.holder.get(self.number, "")

    @property
    def new_oneof(self) -> str:
        return self.after.holder.get(self.number, "")

    @property
    def was_required(self) -> bool:
        return self.old is not None and required(self.old.field, self.old.file)

    @property
    def is_required(self) -> bool:
        return self.new is not None and required(self.new.field, self.new.file)

    @property
    def told_old(self) -> str | None:
        return self.old.told if self.old else None

    @property
    def told_new(self) -> str | None:
        return self.new.told if self.new else None

    @property
    def subject(self) -> str:
        side = self.new or self.old
        return f"field {self.number} (`{side.field.name}`)" if side else f"field {self.number}"

    def places(self, reader_at: Path, writer_at: Path) -> tuple[Path, Path]:
        """Where the field stands on each side, its message where it does not."""
        at = str(self.number)
        new = (self.new_oneof, at) if self.new_oneof else (at,)
        old = (self.old_oneof, at) if self.old_oneof else (at,)
        return (
            (*reader_at, *new) if self.new else reader_at,
            (*writer_at, *old) if self.old else writer_at,
        )


def _side(layout: Layout, number: int, holder: Type) -> Side | None:
    found = layout.fields.get(number)
    return None if found is None else Side(found, holder.file, holder.nested, holder.known)


def field_changes(pair: FieldPair) -> Iterator[Change]:
    """What changed in a field that both sides have, its messages' insides left out."""
    old, new = pair.old, pair.new
    if old is None or new is None:
        return
    if old.field.name != new.field.name:
        yield Change(Kind.FIELD_NAME_CHANGED, old.field.name, new.field.name)
    if pair.old_oneof and not pair.new_oneof:
        yield Change(Kind.ONEOF_FIELD_MOVED_TO_TOP_LEVEL, pair.old_oneof, new.field.name)
    yield from _types(old, new, labelled=True)


def _types(old: Side, new: Side, *, labelled: bool) -> Iterator[Change]:
    if old.shape != new.shape:
        yield Change(Kind.FIELD_KIND_CHANGED, old.told, new.told)
    elif old.shape is Shape.SCALAR:
        yield from _scalars(old, new, labelled=labelled)
    elif old.shape is Shape.MAP:
        for was, now in zip(old.entry(), new.entry(), strict=True):
            yield from _types(was, now, labelled=False)
    elif _named(old) and _named(new) and _local(old) != _local(new):
        yield Change(Kind.FIELD_NAMED_TYPE_CHANGED, old.told, new.told)


def _scalars(old: Side, new: Side, *, labelled: bool) -> Iterator[Change]:
    family = FAMILIES[old.field.type]
    if family != FAMILIES[new.field.type]:
        yield Change(Kind.FIELD_SCALAR_KIND_CHANGED, old.told, new.told)
        return
    was, now = written_label(old.field, old.file), written_label(new.field, new.file)
    if labelled and was is not None and now is not None and was != now:
        text, number = Kind.FIELD_STRING_OR_BYTES_LABEL_CHANGED, Kind.FIELD_NUMERIC_LABEL_CHANGED
        yield Change(text if family == TEXT else number, old.told, new.told)


def _named(side: Side) -> bool:
    """Whether the type has a name of its own: a group's is its field's."""
    return bool(side.field.type == F.TYPE_MESSAGE)


def _local(side: Side) -> str:
    return side.known[side.field.type_name].local_name


def message_pair(pair: FieldPair) -> tuple[str, str] | None:
    """The pair of messages that decides over the field, when the walk by names passes it by.

    Types of the schema's own file are met by name there; those of imports and groups are not.
    """
    if pair.old is None or pair.new is None or pair.old.shape != pair.new.shape:
        return None
    old, new = pair.old, pair.new
    if old.shape is Shape.MAP:
        old, new = old.entry()[1], new.entry()[1]
    if old.field.type not in MESSAGES or new.field.type not in MESSAGES:
        return None
    named = _named(old) and _named(new)
    if named and (_local(old) != _local(new) or (_own(old) and _own(new))):
        return None
    return old.field.type_name, new.field.type_name


def _own(side: Side) -> bool:
    """Whether the walk by names meets the type: it is declared in the schema's own file."""
    return side.known[side.field.type_name].own
