"""Samples at moments: the last one of the look-back, and the windows of range vectors.

Both are open on the left, as in Prometheus 3: a sample exactly one length back is not in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring.promql.values import Bools, Floats, Ints, Labels, Series, Vector, is_stale

LOOKBACK = 5 * 60 * 1000


def instant(series: Sequence[Series], moments: Ints, lookback: int) -> tuple[Vector, Ints]:
    """The last sample of each series at each moment, and its own time."""
    shape = (len(series), len(moments))
    values, there = np.zeros(shape), np.zeros(shape, bool)
    times = np.zeros(shape, np.int64)
    for row, one in enumerate(series):
        if not len(one.times):
            continue
        at = np.searchsorted(one.times, moments, side="right") - 1
        known = at >= 0
        at[~known] = 0
        values[row] = one.values[at]
        times[row] = one.times[at]
        there[row] = known & (times[row] > moments - lookback)
    there &= ~is_stale(values)
    some = there.any(axis=1)
    found = Vector([one.labels for one in series], values, there).only(some)
    return found, times[some]


@dataclass(slots=True)
class Windows:
    """The windows of one series: samples `first[i]` to before `last[i]` belong to moment i."""

    labels: Labels
    times: Ints
    values: Floats
    first: Ints
    last: Ints
    moments: Ints  # the ends of the windows
    length: int

    @property
    def count(self) -> Ints:
        return self.last - self.first

    def each(self, least: int = 1) -> Iterator[tuple[int, slice]]:
        """The moments whose windows have enough samples, and where those are."""
        for moment in np.flatnonzero(self.count >= least):
            yield int(moment), slice(int(self.first[moment]), int(self.last[moment]))

    def reduce(self, operation: np.ufunc, values: Floats, fill: float) -> Floats:
        """`operation` over the samples of each window; NaN where a window has none."""
        some = self.count > 0
        out = np.full(len(self.first), np.nan)
        if some.any():
            padded = np.append(values, values.dtype.type(fill))
            places = np.column_stack([self.first[some], self.last[some]]).ravel()
            with np.errstate(all="ignore"):
                out[some] = operation.reduceat(padded, places)[::2]
        return out

    def total(self, values: Floats) -> Floats:
        """The sums of windows, by more digits than a double has."""
        return self.reduce(np.add, values.astype(np.longdouble), 0.0)


def windows(series: Sequence[Series], moments: Ints, length: int) -> Iterator[Windows]:
    """The windows of each series that has samples; markers of a series' end are in none."""
    for one in series:
        living = ~is_stale(one.values)
        times, values = (
            (one.times, one.values) if living.all() else (one.times[living], one.values[living])
        )
        if not len(times):
            continue
        first = np.searchsorted(times, moments - length, side="right")
        last = np.searchsorted(times, moments, side="right")
        yield Windows(one.labels, times, values, first, last, moments, length)


Reduced = tuple[Floats, Bools]
Reducer = Callable[[Windows], Reduced]
