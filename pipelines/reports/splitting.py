"""Splitting a suite over machines by how long its parts took: longest first, to the least loaded.

Graham's LPT rule: no machine has more than 4/3 of the best possible, and with many parts far less.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_NODES = 200
MAX_WORDS = 20  # of a class's dotted name


@dataclass(frozen=True)
class Share:
    """What one machine runs, and how long that should take."""

    parts: tuple[str, ...]
    seconds: float
    known: int = 0  # of all parts, those that past runs tell the duration of


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


def of_wanted(durations: Mapping[str, float], wanted: Sequence[str]) -> dict[str, float]:
    """The durations of those wanted parts that are known: by their name, else by their classes.

    Some tools name no files: pytest tells `tests.test_a.TestCart` of what is in tests/test_a.py.
    """
    found = {name: durations[name] for name in wanted if name in durations}
    dotted = {_dotted(name): name for name in wanted if name not in found}
    for name, seconds in durations.items():
        words = name.split(".")[:MAX_WORDS] if dotted else []
        for end in range(len(words), 0, -1):
            file = dotted.get(".".join(words[:end]))
            if file is not None:
                found[file] = found.get(file, 0.0) + seconds
                break
    return found


def with_unknown(durations: Mapping[str, float], wanted: Sequence[str]) -> dict[str, float]:
    """The wanted parts with their durations; new ones are taken to last as the middle one."""
    found = of_wanted(durations, wanted)
    known = sorted(found.values())
    middle = known[len(known) // 2] if known else 1.0
    return {name: found.get(name, middle) for name in wanted}


def _dotted(path: str) -> str:
    return path.removeprefix("./").rpartition(".")[0].replace("/", ".")
