"""A store of samples in memory: what tests and measures query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from monitoring.promql.matchers import fits
from monitoring.promql.tree import Matcher
from monitoring.promql.values import Series


class Memory:
    """Series in the order of their labels."""

    def __init__(self, series: Iterable[Series]) -> None:
        self.series = sorted(series, key=lambda one: one.labels)

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Sequence[Series]:
        fit = fits(matchers)
        found = []
        for one in self.series:
            if fit(one.labels):
                first = np.searchsorted(one.times, start)
                last = np.searchsorted(one.times, end, side="right")
                found.append(Series(one.labels, one.times[first:last], one.values[first:last]))
        return found
