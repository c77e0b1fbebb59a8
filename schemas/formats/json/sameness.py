"""Equal parts of two schemas, which need no comparison: most of a new version is the old one."""

from __future__ import annotations

from typing import Any

from schemas.formats.json.drafts import REFERENCES
from schemas.formats.json.model import Node

_REFERENCES = frozenset(REFERENCES)


def same(writer: Node, reader: Node) -> bool:
    """Equal schemas without references: nothing inside can differ."""
    return (
        writer.kind is reader.kind
        and writer.draft is reader.draft
        and writer.type == reader.type
        and writer.criterion == reader.criterion
        and identical(writer.place.value, reader.place.value)
    )


def identical(one: Any, other: Any) -> bool:
    """Equal as JSON, and nothing inside refers to somewhere else."""
    if one != other:
        return False
    stack = [(one, other)]
    while stack:
        one, other = stack.pop()
        if isinstance(one, dict):
            if not _REFERENCES.isdisjoint(one):
                return False
            stack.extend((value, other[key]) for key, value in one.items())
        elif isinstance(one, list):
            stack.extend(zip(one, other, strict=True))
        elif isinstance(one, bool) is not isinstance(other, bool):
            return False  # Python holds 1 and true for equal
    return True
