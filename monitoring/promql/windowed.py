"""The functions over range vectors, each for one series at all moments at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from monitoring.promql.selecting import Reduced, Reducer, Windows
from monitoring.promql.values import Floats

_MORE = np.longdouble


def _some(windows: Windows, values: Floats) -> Reduced:
    return values, windows.count > 0


def _edges(windows: Windows) -> tuple[Floats, Floats, Floats, Floats]:
    """The first and last values and times of each window; of what has none, anything."""
    end = len(windows.values) - 1
    first, last = np.clip(windows.first, 0, end), np.clip(windows.last - 1, 0, end)
    times = windows.times.astype(float)
    return windows.values[first], windows.values[last], times[first], times[last]


# -- counters and gauges -----------------------------------------------------------------------


def _steps(values: Floats) -> Floats:
    """How much a counter grew from each sample to the next, at the later one.

    One that fell began anew, and grew from 0.
    """
    out = np.zeros(len(values))
    now, then = values[1:], values[:-1]
    out[1:] = np.where(now < then, now, now - then)
    return out


def _falls(values: Floats) -> Floats:
    """What a counter had when it began anew, at the sample after; 0 elsewhere."""
    out = np.zeros(len(values))
    fell = values[1:] < values[:-1]
    out[1:][fell] = values[:-1][fell]
    return out


def _after_first(windows: Windows, values: Floats) -> Floats:
    """The sums of windows without their first sample."""
    behind = Windows(
        windows.labels, windows.times, windows.values,
        np.minimum(windows.first + 1, windows.last), windows.last, windows.moments, windows.length,
    )  # fmt: skip
    return behind.total(values)


def _extrapolated(windows: Windows, *, counter: bool, rate: bool) -> Reduced:
    """Growth over the whole window from the samples in it, as Prometheus extrapolates it."""
    enough = windows.count >= 2  # noqa: PLR2004 - a growth needs two
    first, last, begin, end = _edges(windows)
    with np.errstate(all="ignore"):
        growth = last - first
        if counter and np.isfinite(windows.values).all():
            growth = _after_first(windows, _steps(windows.values))
        elif counter:
            growth = growth + _after_first(windows, _falls(windows.values))
        sampled = (end - begin) / 1000
        between = sampled / (windows.count - 1)
        to_start = (begin - (windows.moments - windows.length)) / 1000
        to_end = (windows.moments - end) / 1000
        to_start = np.where(to_start >= between * 1.1, between / 2, to_start)
        if counter:
            to_zero = np.where((growth > 0) & (first >= 0), sampled * (first / growth), to_start)
            to_start = np.minimum(to_start, to_zero)
        to_end = np.where(to_end >= between * 1.1, between / 2, to_end)
        factor = (sampled + to_start + to_end) / sampled
        if rate:
            factor = factor / (windows.length / 1000)
        return growth * factor, enough


def _last_two(windows: Windows, *, rate: bool) -> Reduced:
    enough = windows.count >= 2  # noqa: PLR2004 - a growth needs two
    end = len(windows.values) - 1
    last, before = np.clip(windows.last - 1, 0, end), np.clip(windows.last - 2, 0, end)
    now, then = windows.values[last], windows.values[before]
    with np.errstate(all="ignore"):
        growth = now - then
        if rate:
            growth = np.where(now < then, now, growth)
            growth = growth / ((windows.times[last] - windows.times[before]) / 1000)
    return growth, enough


def _counted(windows: Windows, marks: Floats) -> Reduced:
    """How many of the window's samples but the first are marked."""
    before = np.concatenate([[0.0], np.cumsum(marks)])
    first = np.minimum(windows.first + 1, windows.last)
    return _some(windows, before[windows.last] - before[first])


def resets(windows: Windows) -> Reduced:
    marks = np.zeros(len(windows.values))
    marks[1:] = windows.values[1:] < windows.values[:-1]
    return _counted(windows, marks)


def changes(windows: Windows) -> Reduced:
    now, then = windows.values[1:], windows.values[:-1]
    marks = np.zeros(len(windows.values))
    marks[1:] = (now != then) & ~(np.isnan(now) & np.isnan(then))
    return _counted(windows, marks)


# -- over time -----------------------------------------------------------------------------------


def total(windows: Windows) -> Reduced:
    return _some(windows, windows.total(windows.values))


def average(windows: Windows) -> Reduced:
    count = np.maximum(windows.count, 1)
    sums = windows.reduce(np.add, windows.values.astype(_MORE), 0.0)
    return _some(windows, sums / count)


def _centred(windows: Windows) -> Reduced:
    """The variance of each window, by its mean."""
    out = np.zeros(len(windows.first))
    with np.errstate(all="ignore"):
        for moment, part in windows.each():
            values = windows.values[part].astype(_MORE)
            out[moment] = ((values - values.mean()) ** 2).mean()
    return _some(windows, out)


def deviation(windows: Windows) -> Reduced:
    values, there = _centred(windows)
    return np.sqrt(values), there


def last(windows: Windows) -> Reduced:
    return _some(windows, _edges(windows)[1])


def one(windows: Windows) -> Reduced:
    return _some(windows, np.ones(len(windows.first)))


def quantile_of(values: Floats, wanted: float) -> float:
    """The quantile of values by linear interpolation; NaN is less than any."""
    if not len(values) or np.isnan(wanted):
        return float("nan")
    if wanted < 0:
        return float("-inf")
    if wanted > 1:
        return float("inf")
    numbers = np.sort(values[~np.isnan(values)])
    ordered = np.concatenate([np.full(len(values) - len(numbers), np.nan), numbers])
    rank = wanted * (len(ordered) - 1)
    lower = int(np.floor(rank))
    upper = min(lower + 1, len(ordered) - 1)
    weight = rank - lower
    with np.errstate(all="ignore"):
        return float(ordered[lower] * (1 - weight) + ordered[upper] * weight)


def quantile(wanted: Floats) -> Reducer:
    def reduce(windows: Windows) -> Reduced:
        out = np.zeros(len(windows.first))
        for moment, part in windows.each():
            out[moment] = quantile_of(windows.values[part], float(wanted[moment]))
        return _some(windows, out)

    return reduce


# -- regression ----------------------------------------------------------------------------------


def _line(times: Floats, values: Floats, zero: float) -> tuple[float, float]:
    """Slope a second and the value at `zero` (milliseconds) of the least squares' line."""
    if (values == values[0]).all():
        if np.isinf(values[0]):
            return float("nan"), float("nan")
        return 0.0, float(values[0])
    x = ((times - zero) / 1000).astype(_MORE)
    y = values.astype(_MORE)
    count = len(x)
    both = (x * y).sum() - x.sum() * y.sum() / count
    own = (x * x).sum() - x.sum() ** 2 / count
    slope = both / own
    return float(slope), float(y.sum() / count - slope * x.sum() / count)


def derivative(windows: Windows) -> Reduced:
    out = np.zeros(len(windows.first))
    with np.errstate(all="ignore"):
        for moment, part in windows.each(2):
            times = windows.times[part].astype(float)
            out[moment] = _line(times, windows.values[part], times[0])[0]
    return out, windows.count >= 2  # noqa: PLR2004 - a line needs two


def prediction(seconds: Floats, now: Floats) -> Reducer:
    def reduce(windows: Windows) -> Reduced:
        out = np.zeros(len(windows.first))
        with np.errstate(all="ignore"):
            for moment, part in windows.each(2):
                times = windows.times[part].astype(float)
                slope, at = _line(times, windows.values[part], float(now[moment]))
                out[moment] = slope * seconds[moment] + at
        return out, windows.count >= 2  # noqa: PLR2004 - a line needs two

    return reduce


def _of(operation: np.ufunc) -> Reducer:
    return lambda windows: _some(windows, windows.reduce(operation, windows.values, np.nan))


PLAIN: Mapping[str, Callable[[Windows], Reduced]] = {
    "rate": lambda windows: _extrapolated(windows, counter=True, rate=True),
    "increase": lambda windows: _extrapolated(windows, counter=True, rate=False),
    "delta": lambda windows: _extrapolated(windows, counter=False, rate=False),
    "irate": lambda windows: _last_two(windows, rate=True),
    "idelta": lambda windows: _last_two(windows, rate=False),
    "resets": resets,
    "changes": changes,
    "deriv": derivative,
    "sum_over_time": total,
    "avg_over_time": average,
    "min_over_time": _of(np.fmin),
    "max_over_time": _of(np.fmax),
    "count_over_time": lambda windows: _some(windows, windows.count.astype(float)),
    "stddev_over_time": deviation,
    "stdvar_over_time": _centred,
    "last_over_time": last,
    "present_over_time": one,
}
KEEPS_NAME = frozenset({"last_over_time"})
