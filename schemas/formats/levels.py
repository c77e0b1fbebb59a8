"""The seven compatibility levels: which earlier versions a candidate meets, in which direction.

Confluent Schema Registry, "Schema evolution and compatibility types".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from schemas.formats.base import Difference, Format, Parsed

T = TypeVar("T")


class Level(StrEnum):
    NONE = "NONE"
    BACKWARD = "BACKWARD"
    BACKWARD_TRANSITIVE = "BACKWARD_TRANSITIVE"
    FORWARD = "FORWARD"
    FORWARD_TRANSITIVE = "FORWARD_TRANSITIVE"
    FULL = "FULL"
    FULL_TRANSITIVE = "FULL_TRANSITIVE"

    @property
    def backward(self) -> bool:
        """New readers have to read old data."""
        return self.name.startswith(("BACKWARD", "FULL"))

    @property
    def forward(self) -> bool:
        """Old readers have to read new data."""
        return self.name.startswith(("FORWARD", "FULL"))

    @property
    def transitive(self) -> bool:
        return self.name.endswith("TRANSITIVE")


@dataclass(frozen=True)
class Finding:
    """One difference that breaks somebody: against which earlier version, in which direction."""

    earlier: int  # index into the versions that were given
    forward: bool  # True: readers of the earlier version meet the candidate's data
    difference: Difference


def met(level: Level, earlier: Sequence[T]) -> Sequence[tuple[int, T]]:
    """The earlier versions (oldest first) that count at a level, newest first, with their index."""
    if level is Level.NONE:
        return []
    newest_first = list(enumerate(earlier))[::-1]
    return newest_first if level.transitive else newest_first[:1]


def findings(
    language: Format,
    candidate: Parsed,
    earlier: Sequence[Parsed],
    level: Level,
    *,
    lenient: bool = False,
) -> Iterator[Finding]:
    """What forbids the candidate at a level, lazily; none means compatible."""
    for index, version in met(level, earlier):
        for forward in (False, True):
            if not (level.forward if forward else level.backward):
                continue
            reader, writer = (version, candidate) if forward else (candidate, version)
            for difference in language.differences(reader, writer):
                if not difference.compatible(lenient=lenient):
                    yield Finding(index, forward, difference)
