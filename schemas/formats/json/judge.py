"""Which pairs of schemas are compatible: the greatest fixpoint over pairs, without recursion.

Every pair of nodes is judged once. A pair is taken to be compatible until something breaks it:
a difference of its own, a pair that it needs, or a choice (an alternative, a matching) that has
no candidate left. A pair that breaks re-judges only those that relied on it. So cycles end, the
answer does not depend on the order, and the work is bounded by the pairs that were asked for.

`rules` says what a pair consists of; `language` asks for the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from schemas.formats.base import Budget, Difference
from schemas.formats.json.model import Node


class Choice(Protocol):
    """A part of a judgement that can be met in several ways."""

    def settle(self) -> bool:
        """Rely on pairs that are not broken; false when no way is left (then for good)."""
        ...

    def relied_on(self) -> Iterator[Pair]: ...

    def report(self, *, met: bool) -> tuple[list[Difference], list[Pair]]:
        """Differences of the choice itself, and the pairs whose differences count or explain."""
        ...


@dataclass(frozen=True)
class Label:
    """A difference whose kind depends on whether another pair is compatible."""

    pair: Pair
    when_compatible: Difference
    when_not: Difference


@dataclass(eq=False, slots=True)
class Pair:
    """What `writer` describes, read by `reader`."""

    writer: Node
    reader: Node
    differences: list[Difference] = field(default_factory=list)
    needs: list[Pair] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    broken: bool = False
    compared: bool = False
    pursued: bool = False
    relying: dict[Pair, bool] = field(default_factory=dict)  # by whom; true when as a need


class Judge:
    """One comparison under one policy."""

    def __init__(
        self, compare: Callable[[Judge, Pair], None], budget: Budget, *, lenient: bool
    ) -> None:
        self._compare, self.budget, self._lenient = compare, budget, lenient
        self._pairs: dict[tuple[int, int], Pair] = {}
        self._waiting: list[Pair] = []
        self._breaking: list[Pair] = []

    def pair(self, writer: Node, reader: Node) -> Pair:
        key = (id(writer), id(reader))
        if key not in self._pairs:
            self._pairs[key] = Pair(writer, reader)
        return self._pairs[key]

    def compatible(self, root: Pair) -> bool:
        self._rely(root)
        self._run()
        return not root.broken

    def _rely(self, pair: Pair, by: Pair | None = None, *, need: bool = False) -> None:
        if by is not None:
            pair.relying[by] = need or pair.relying.get(by, False)
            if pair.broken:
                self._breaking.append(pair)
        if not pair.compared:
            pair.compared = True
            self._waiting.append(pair)

    def _run(self) -> None:
        while self._waiting or self._breaking:
            self.budget.spend()
            if self._breaking:
                self._unsettle(self._breaking.pop())
                continue
            pair = self._waiting.pop()
            self._compare(self, pair)
            if any(not each.compatible(lenient=self._lenient) for each in pair.differences):
                self._break(pair)
            else:
                self._pursue(pair)

    def _pursue(self, pair: Pair) -> None:
        """Ask for everything that the pair is made of."""
        if pair.pursued:
            return
        pair.pursued = True
        for need in pair.needs:
            self._rely(need, pair, need=True)
        self._settle(pair)

    def _settle(self, pair: Pair) -> None:
        for choice in pair.choices:
            if not choice.settle():
                self._break(pair)
                continue
            for each in choice.relied_on():
                self._rely(each, pair)

    def _break(self, pair: Pair) -> None:
        if not pair.broken:
            pair.broken = True
            self._breaking.append(pair)

    def _unsettle(self, broken: Pair) -> None:
        relying, broken.relying = broken.relying, {}
        for pair, need in relying.items():
            if need:
                self._break(pair)
            self._settle(pair)

    def differences(self, root: Pair) -> list[Difference]:
        """Every difference once: what breaks, what follows from it, what harms nobody."""
        seen, stack = {root}, [root]
        own: list[Difference] = []
        following: list[Difference] = []
        while stack:
            self.budget.spend()
            pair = stack.pop()
            self._rely(pair)
            self._run()
            self._pursue(pair)
            self._run()
            own += pair.differences
            own += [
                each.when_not if each.pair.broken else each.when_compatible for each in pair.labels
            ]
            below = list(pair.needs)
            for choice in pair.choices:
                found, pairs = choice.report(met=choice.settle())
                following += found
                below += pairs
            fresh = [each for each in dict.fromkeys(below) if each not in seen]
            seen.update(fresh)
            stack.extend(reversed(fresh))
        return sorted(own + following, key=self._harmless)

    def _harmless(self, each: Difference) -> bool:
        return each.compatible(lenient=self._lenient)
