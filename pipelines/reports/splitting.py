"""Splitting a suite over machines by how long its parts took: longest first, to the least loaded.

Graham's LPT rule: no machine has more than 4/3 of the best possible, and with many parts far less.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_NODES = 200


@dataclass(frozen=True)
class Share:
    """What one machine runs, and how long that should take."""

    parts: tuple[str, ...]
    seconds: float


def split(durations: Mapping[str, float], nodes: int) -> list[Share]:
    """Every part on one of the machines, the same for the same input."""
    parts: list[list[str]] = [[] for _ in range(nodes)]
    loads = [(0.0, 0, node) for node in range(nodes)]  # seconds, then how many: parts may take none
    for name, seconds in sorted(durations.items(), key=lambda pair: (-pair[1], pair[0])):
        load, count, node = heapq.heappop(loads)
        parts[node].append(name)
        heapq.heappush(loads, (load + seconds, count + 1, node))
    total = {node: load for load, _, node in loads}
    return [Share(tuple(sorted(names)), round(total[at], 3)) for at, names in enumerate(parts)]


def with_unknown(durations: Mapping[str, float], wanted: Sequence[str]) -> dict[str, float]:
    """The wanted parts with their durations; new ones are taken to last as the middle one."""
    known = sorted(durations[name] for name in wanted if name in durations)
    middle = known[len(known) // 2] if known else 1.0
    return {name: durations.get(name, middle) for name in wanted}
