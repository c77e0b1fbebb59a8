"""A message as a comparison sees it: fields by number, with what decides over each at hand.

Built once a message by `compare`, kept with the schema: one version meets many others, and
reading a descriptor costs more than comparing what was read.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.formats.protobuf.descriptors import F, Field
from schemas.formats.protobuf.fields import LABELS, type_name
from schemas.formats.protobuf.kinds import FAMILIES, Shape, required, shape, written_label
from schemas.formats.protobuf.members import in_oneof
from schemas.formats.protobuf.reserved import Spans, spans
from schemas.formats.protobuf.types import Type

MESSAGES = (F.TYPE_MESSAGE, F.TYPE_GROUP)


@dataclass(frozen=True, slots=True)
class Slot:
    """One field. `target` is the message it holds; a map has its `key` and `value` instead."""

    name: str
    told: str  # label and type in words: `repeated int32`
    shape: Shape
    family: str
    label: int | None
    required: bool
    oneof: str
    target: Type | None = None
    named: bool = True  # the target has a name of its own: a group's is its field's
    key: Slot | None = None
    value: Slot | None = None

    @property
    def local_name(self) -> str:
        return self.target.local_name if self.target and self.named else ""


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields by number, the numbers of each oneof, the numbers that are reserved."""

    slots: dict[int, Slot]
    oneofs: dict[str, list[int]]
    reserved: Spans

    @classmethod
    def of(cls, holder: Type) -> Layout:
        slots = {field.number: _slot(field, holder) for field in holder.message.field}
        oneofs: dict[str, list[int]] = {}
        for number, slot in slots.items():
            if slot.oneof:
                oneofs.setdefault(slot.oneof, []).append(number)
        taken = [(each.start, each.end - 1) for each in holder.message.reserved_range]
        return cls(slots, oneofs, spans(taken))


def _slot(field: Field, holder: Type) -> Slot:
    kind = shape(field, holder.file, holder.nested)
    key = value = None
    if kind is Shape.MAP:
        inner = holder.known[field.type_name]
        key, value = (_slot(each, inner) for each in inner.message.field)
    return Slot(
        name=field.name,
        told=_told(field, holder, kind),
        shape=kind,
        family=FAMILIES.get(field.type, ""),
        label=written_label(field, holder.file),
        required=required(field, holder.file),
        oneof=holder.message.oneof_decl[field.oneof_index].name if in_oneof(field) else "",
        target=holder.known[field.type_name] if field.type in MESSAGES else None,
        named=field.type == F.TYPE_MESSAGE,
        key=key,
        value=value,
    )


def _told(field: Field, holder: Type, kind: Shape) -> str:
    words = type_name(field, holder.nested, lambda name: name.lstrip("."))
    label = written_label(field, holder.file)
    return words if label is None or kind is Shape.MAP else f"{LABELS[label]} {words}"
