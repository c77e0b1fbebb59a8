"""Which fields exclude each other: oneofs before and after.

Called by `compare`. A writer may set two independent fields; when the reader has them in one oneof
it keeps the last only. New fields do not count: no earlier record has them.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas.formats.protobuf.kinds import Kind
from schemas.formats.protobuf.layout import Layout


def exclusive(before: Layout, after: Layout) -> Iterator[tuple[Kind, str, list[int]]]:
    """Oneofs of the reader that tie fields which the writer may set together."""
    for name, numbers in after.oneofs.items():
        known = [number for number in numbers if number in before.slots]
        apart = [number for number in known if not before.slots[number].oneof]
        origins = {before.slots[number].oneof for number in known} - {""}
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
        if name not in after.oneofs and not after.slots.keys() & set(numbers)
    }
