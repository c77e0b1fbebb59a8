"""The parts of a judgement that can be met in several ways: alternatives, matchings, reversals.

Candidates are tried one after the other and only when an earlier one broke, the likeliest first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from schemas.formats.base import Difference
from schemas.formats.json.judge import Judge, Pair
from schemas.formats.json.model import Kind, Node

Order = Callable[[int], Iterator[int]]


def hopeless(writer: Node, reader: Node) -> bool:
    """Two kinds that can never be read as each other: no pair is needed to know it."""
    if Kind.COMBINED in (writer.kind, reader.kind):
        return False
    return (
        writer.kind is not reader.kind
        and writer.kind is not Kind.NOTHING
        and reader.kind is not Kind.ANY
        and not carries_bytes(writer, reader)
    )


def carries_bytes(writer: Node, reader: Node) -> bool:
    """Kafka Connect's bytes: one and the same value, written as a string or as a number."""
    return all(
        isinstance(node.place.value, dict) and node.place.value.get("connect.type") == "bytes"
        for node in (writer, reader)
    )


class FirstOf:
    """The first candidate that is compatible."""

    def __init__(
        self,
        judge: Judge,
        candidates: Sequence[tuple[Node, Node]],
        *,
        met: list[Difference],
        unmet: list[Difference],
    ) -> None:
        self._judge, self._met, self._unmet = judge, met, unmet
        self._candidates = [each for each in candidates if not hopeless(*each)]
        self._next = 0

    def _pair(self, index: int) -> Pair:
        return self._judge.pair(*self._candidates[index])

    def settle(self) -> bool:
        while self._next < len(self._candidates) and self._pair(self._next).broken:
            self._judge.budget.spend()
            self._next += 1
        return self._next < len(self._candidates)

    def relied_on(self) -> Iterator[Pair]:
        if self._next < len(self._candidates):
            yield self._pair(self._next)

    def report(self, *, met: bool) -> tuple[list[Difference], list[Pair]]:
        if met:
            return self._met, [self._pair(self._next)]
        # With one candidate, what is wrong with it explains the refusal.
        return self._unmet, [self._pair(0)] if len(self._candidates) == 1 else []


class Reversed:
    """What must not match: the reader's is compatible when the writer's could read it."""

    def __init__(
        self, judge: Judge, writer: Node, reader: Node, *, met: Difference, unmet: Difference
    ) -> None:
        self._pair = judge.pair(reader, writer)
        self._met, self._unmet = met, unmet

    def settle(self) -> bool:
        return not self._pair.broken

    def relied_on(self) -> Iterator[Pair]:
        yield self._pair

    def report(self, *, met: bool) -> tuple[list[Difference], list[Pair]]:
        return [self._met if met else self._unmet], []


class Matching:
    """Each subschema of the smaller side with one of the other side's, none taken twice.

    A maximum bipartite matching by augmenting paths; an edge counts until its pair broke. When
    one of the smaller side finds no path, no matching covers that side, now or later.
    """

    def __init__(
        self,
        judge: Judge,
        writers: Sequence[Node],
        readers: Sequence[Node],
        *,
        likeliest: Callable[[Sequence[Node], Sequence[Node]], Order],
        unmet: Difference,
    ) -> None:
        self._judge, self._unmet = judge, unmet
        self._swapped = len(writers) > len(readers)
        self._few, self._many = (readers, writers) if self._swapped else (writers, readers)
        self._order = likeliest(self._few, self._many)
        self._mate: dict[int, int] = {}  # of the smaller side
        self._taken: dict[int, int] = {}  # of the larger side
        self._failed = False

    def _ends(self, few: int, many: int) -> tuple[Node, Node]:
        one, other = self._few[few], self._many[many]
        return (other, one) if self._swapped else (one, other)

    def _pair(self, few: int, many: int) -> Pair:
        return self._judge.pair(*self._ends(few, many))

    def _possible(self, few: int, many: int) -> bool:
        self._judge.budget.spend()
        return not hopeless(*self._ends(few, many)) and not self._pair(few, many).broken

    def settle(self) -> bool:
        if self._failed:
            return False
        for few, many in list(self._mate.items()):
            self._judge.budget.spend()
            if self._pair(few, many).broken:
                del self._mate[few], self._taken[many]
        self._failed = not all(
            few in self._mate or self._augment(few) for few in range(len(self._few))
        )
        return not self._failed

    def _augment(self, start: int) -> bool:
        """Find a mate, moving others along a shortest alternating path."""
        came_from: dict[int, int] = {}
        queue = deque([start])
        while queue:
            few = queue.popleft()
            for many in self._order(few):
                if many in came_from or not self._possible(few, many):
                    continue
                came_from[many] = few
                if many not in self._taken:
                    self._take(many, came_from)
                    return True
                queue.append(self._taken[many])
        return False

    def _take(self, last: int, came_from: dict[int, int]) -> None:
        many: int | None = last
        while many is not None:
            few = came_from[many]
            earlier = self._mate.get(few)
            self._mate[few], self._taken[many] = many, few
            many = earlier

    def relied_on(self) -> Iterator[Pair]:
        for few, many in self._mate.items():
            yield self._pair(few, many)

    def report(self, *, met: bool) -> tuple[list[Difference], list[Pair]]:
        if met:
            return [], list(self.relied_on())
        meant = ((few, next(self._order(few))) for few in range(len(self._few)))
        # What is wrong with the counterpart that was likely meant explains the refusal.
        return [self._unmet], [
            self._pair(*ends) for ends in meant if not hopeless(*self._ends(*ends))
        ]
