"""Figures with their aims: medians of five, each said beside what stood in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True)
class Figure:
    """One measured value; `beside` names its peer or floor in the same run and the ratio."""

    what: str
    value: float
    unit: str
    aim: float
    most: bool = False  # whether the aim is the most that it may be, not the least
    beside: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.aim if self.most else self.value >= self.aim

    def __str__(self) -> str:
        sign = "≤" if self.most else "≥"
        mark = "ok" if self.holds else "MISSED"
        seen = f"{self.value:,.1f} {self.unit}"
        return f"{self.what:<52} {seen:>12}  {sign} {self.aim:g}  {mark:<6}  {self.beside}".rstrip()


def seconds(work: Callable[[], object], times: int) -> float:
    """The median over five rounds of what one call takes, `times` calls a round."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(times):
            work()
        rounds.append((time.perf_counter() - begin) / times)
    return statistics.median(rounds)


def side_by_side(
    first: Callable[[], object], second: Callable[[], object], times: int
) -> tuple[float, float]:
    """Both medians, measured in turns, so that the machine's moods meet both."""
    first()
    second()
    pairs: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for _ in range(times):
            first()
        middle = time.perf_counter()
        for _ in range(times):
            second()
        end = time.perf_counter()
        pairs.append(((middle - begin) / times, (end - middle) / times))
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
