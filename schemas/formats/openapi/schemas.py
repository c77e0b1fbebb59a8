"""Two schemas against each other: a walk over pairs without recursion, each pair once.

`requests` and `responses` start walks; `values`, `objects` and `combined` compare one pair and
name the pairs inside that still have to be met.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from schemas.formats.json.sameness import identical
from schemas.formats.openapi.combined import compare_combined, wrapping
from schemas.formats.openapi.conditions import compare_conditions
from schemas.formats.openapi.document import Node
from schemas.formats.openapi.effects import Context, Effect, Findings
from schemas.formats.openapi.objects import compare_objects
from schemas.formats.openapi.pairs import Pair
from schemas.formats.openapi.shape import Shape, shapes_of
from schemas.formats.openapi.values import compare_nullable, compare_values


@dataclass
class Walk:
    """All schema comparisons of two documents; a shared schema's changes are told once."""

    found: Findings

    def __post_init__(self) -> None:
        self._seen: set[tuple[Any, ...]] = set()

    def compare(self, old: Node, new: Node, context: Context) -> None:
        """Note every difference of two schemas and of what is inside."""
        waiting = deque([Pair(old, new, context)])  # breadth first: the shortest name is told
        while waiting:
            self.found.budget.spend()
            pair = waiting.popleft()
            key = (id(pair.old.value), id(pair.new.value), *pair.context.key)
            if key in self._seen:
                continue
            self._seen.add(key)
            if not identical(pair.old.value, pair.new.value):
                waiting.extend(self._meet(pair))

    def _meet(self, pair: Pair) -> list[Pair]:
        old, new = shapes_of(pair.old, pair.new)
        context = pair.context
        if self._refusal(context, old, new):
            return []
        compare_nullable(self.found, context, old, new)
        wrapped = wrapping(self.found, context, old, new)
        if wrapped is not None:
            return wrapped
        compare_values(self.found, context, old, new)
        return [
            *compare_objects(self.found, context, old, new),
            *compare_conditions(self.found, context, old, new),
            *compare_combined(self.found, context, old, new),
        ]

    def _refusal(self, context: Context, old: Shape, new: Shape) -> bool:
        """Note a schema that became, or was, `false`; then nothing else is comparable."""
        if old.refuses_all == new.refuses_all:
            return old.refuses_all
        name, effect = (
            ("SCHEMA_BECAME_FALSE", Effect.INCOMPARABLE)
            if new.refuses_all
            else ("SCHEMA_NO_LONGER_FALSE", Effect.WIDENS)
        )
        told = f"{context.what}", "keep the schema as it was"
        self.found.effect(context, name, effect, (old.node, new.node), told=told)
        return True
