"""The order in which a message's fields, oneofs and nested messages are written.

Called by `printer`. A map or group field makes a nested type where it stands, so the places of
all nested types hold only when what is written between them is in the right order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.formats.protobuf.descriptors import F, Field, Message
from schemas.formats.protobuf.fields import map_entry


@dataclass(frozen=True)
class Nested:
    """A nested message that has a declaration of its own."""

    message: Message


@dataclass(frozen=True)
class OneOf:
    declared: Any  # OneofDescriptorProto
    fields: tuple[Field, ...]


Member = Nested | OneOf | Field


def members(message: Message, nested: Mapping[str, Message]) -> Iterator[Member]:
    """Each once; fields first wherever the places of nested types (by full name) leave it open."""
    makers = _makers([*message.field, *message.extension], nested)
    waiting = deque(_fields(message))
    yield from _plain(waiting, makers)
    for name, inner in nested.items():
        if name not in makers:
            yield Nested(inner)
        elif waiting:
            yield waiting.popleft()
            yield from _plain(waiting, makers)
    yield from waiting


def _fields(message: Message) -> Iterator[Field | OneOf]:
    """Fields in order, a oneof where its first member stands."""
    inside: dict[int, list[Field]] = {}
    for field in message.field:
        if in_oneof(field):
            inside.setdefault(field.oneof_index, []).append(field)
    for field in message.field:
        if not in_oneof(field):
            yield field
        elif field.oneof_index in inside:
            found = inside.pop(field.oneof_index)
            yield OneOf(message.oneof_decl[field.oneof_index], tuple(found))


def in_oneof(field: Field) -> bool:
    """Whether a text shows the field in a oneof; proto3's `optional` only looks like one."""
    return bool(field.HasField("oneof_index")) and not field.proto3_optional


def _makers(fields: Sequence[Field], nested: Mapping[str, Message]) -> set[str]:
    """Full names of the nested types that a map or group among the fields makes."""
    return {
        field.type_name
        for field in fields
        if field.type == F.TYPE_GROUP or map_entry(field, nested) is not None
    }


def _makes(member: Field | OneOf, makers: set[str]) -> bool:
    fields = member.fields if isinstance(member, OneOf) else (member,)
    return any(field.type_name in makers for field in fields)


def _plain(waiting: deque[Field | OneOf], makers: set[str]) -> Iterator[Field | OneOf]:
    while waiting and not _makes(waiting[0], makers):
        yield waiting.popleft()
