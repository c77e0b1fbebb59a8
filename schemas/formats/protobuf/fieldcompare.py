"""One field on both sides: what changed in its name, label and type.

Called by `compare`, which follows the pair of messages that `message_pair` names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.formats.protobuf.kinds import TEXT, Kind, Shape
from schemas.formats.protobuf.layout import Slot
from schemas.formats.protobuf.types import Type


@dataclass(frozen=True, slots=True)
class Change:
    kind: Kind
    old: str
    new: str


def field_changes(old: Slot, new: Slot) -> Iterator[Change]:
    """What changed in a field that both sides have, its messages' insides left out."""
    if old.name != new.name:
        yield Change(Kind.FIELD_NAME_CHANGED, old.name, new.name)
    if old.oneof and not new.oneof:
        yield Change(Kind.ONEOF_FIELD_MOVED_TO_TOP_LEVEL, old.oneof, new.name)
    yield from _types(old, new, labelled=True)


def _types(old: Slot, new: Slot, *, labelled: bool) -> Iterator[Change]:
    if old.shape is not new.shape:
        yield Change(Kind.FIELD_KIND_CHANGED, old.told, new.told)
    elif old.shape is Shape.SCALAR:
        yield from _scalars(old, new, labelled=labelled)
    elif old.key and old.value and new.key and new.value:
        yield from _types(old.key, new.key, labelled=False)
        yield from _types(old.value, new.value, labelled=False)
    elif old.named and new.named and old.local_name != new.local_name:
        yield Change(Kind.FIELD_NAMED_TYPE_CHANGED, old.told, new.told)


def _scalars(old: Slot, new: Slot, *, labelled: bool) -> Iterator[Change]:
    if old.family != new.family:
        yield Change(Kind.FIELD_SCALAR_KIND_CHANGED, old.told, new.told)
    elif labelled and None not in {old.label, new.label} and old.label != new.label:
        text, number = Kind.FIELD_STRING_OR_BYTES_LABEL_CHANGED, Kind.FIELD_NUMERIC_LABEL_CHANGED
        yield Change(text if old.family == TEXT else number, old.told, new.told)


def message_pair(old: Slot, new: Slot) -> tuple[Type, Type] | None:
    """The pair of messages that decides over the field, when the walk by names passes it by.

    Types of the schema's own file are met by name there; those of imports and groups are not.
    """
    if old.shape is not new.shape:
        return None
    if old.value and new.value:
        return message_pair(old.value, new.value)
    if old.target is None or new.target is None:
        return None
    named = old.named and new.named
    if named and (old.local_name != new.local_name or (old.target.own and new.target.own)):
        return None
    return old.target, new.target
