"""Which fields exclude each other: oneofs before and after.

Called by `compare`. A writer may set two independent fields; when the reader has them in one oneof
it keeps the last only. New fields do not count: no earlier record has them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.formats.protobuf.descriptors import Field, Message
from schemas.formats.protobuf.kinds import Kind
from schemas.formats.protobuf.members import in_oneof


@dataclass(frozen=True)
class Layout:
    """A message's fields by number, the oneof that each is in, the numbers in each oneof."""

    fields: dict[int, Field]
    holder: dict[int, str]
    oneofs: dict[str, list[int]]

    @classmethod
    def of(cls, message: Message) -> Layout:
        fields = {field.number: field for field in message.field}
        holder = {
            field.number: message.oneof_decl[field.oneof_index].name
            for field in message.field
            if in_oneof(field)
        }
        oneofs: dict[str, list[int]] = {}
        for number, name in holder.items():
            oneofs.setdefault(name, []).append(number)
        return cls(fields, holder, oneofs)


def exclusive(before: Layout, after: Layout) -> Iterator[tuple[Kind, str, list[int]]]:
    """Oneofs of the reader that tie fields which the writer may set together."""
    for name, numbers in after.oneofs.items():
        known = [number for number in numbers if number in before.fields]
        apart = [number for number in known if number not in before.holder]
        origins = {before.holder[number] for number in known if number in before.holder}
        if len(origins) + len(apart) > 1:
            kind = Kind.FIELD_MOVED_TO_EXISTING_ONEOF
            if len(apart) > 1:
                kind = Kind.MULTIPLE_FIELDS_MOVED_TO_ONEOF
            yield kind, name, sorted(known)


def gone_whole(before: Layout, after: Layout) -> set[str]:
    """Oneofs of the writer of which the reader knows neither name nor any member."""
    return {
        name
        for name, numbers in before.oneofs.items()
        if name not in after.oneofs and not after.fields.keys() & set(numbers)
    }
