"""`histogram_quantile` over classic histograms: series with a label `le`."""

from __future__ import annotations

import math

import numpy as np

from monitoring.promql.tree import NAME
from monitoring.promql.values import Floats, Labels, Vector, value_of, without

_GONE = frozenset({NAME, "le"})
_SMALL = 1e-12  # two counts this near are the same


def quantile(wanted: Floats, vector: Vector) -> Vector:
    """The quantile of each histogram at each moment."""
    groups: dict[Labels, list[tuple[float, int]]] = {}
    for row, labels in enumerate(vector.labels):
        bound = _bound(value_of(labels, "le"))
        if bound is not None:
            groups.setdefault(without(labels, _GONE), []).append((bound, row))
    shape = (len(groups), vector.values.shape[1])
    values, there = np.full(shape, np.nan), np.zeros(shape, bool)
    for number, buckets in enumerate(groups.values()):
        buckets.sort()
        bounds = np.array([bound for bound, _ in buckets])
        rows = [row for _, row in buckets]
        counts, here = vector.values[rows], vector.there[rows]
        there[number] = here.any(axis=0)
        whole = here.all(axis=0) & (np.diff(bounds) > 0).all()
        values[number, whole] = _many(wanted[whole], bounds, counts[:, whole])
        for moment in np.flatnonzero(there[number] & ~whole):
            some = here[:, moment]
            values[number, moment] = _one(float(wanted[moment]), bounds[some], counts[some, moment])
    return Vector(list(groups), values, there)


def _bound(text: str) -> float | None:
    """A bucket's upper bound; None where it is no number."""
    try:
        found = float(text.replace("_", "x"))
    except ValueError:
        return None
    return None if math.isnan(found) else found


def _one(wanted: float, bounds: Floats, counts: Floats) -> float:
    """One histogram at one moment; buckets of the same bound are added."""
    different, at = np.unique(bounds, return_inverse=True)
    added = np.zeros(len(different))
    np.add.at(added, at, counts)
    return float(_many(np.array([wanted]), different, added[:, None])[0])


def _many(wanted: Floats, bounds: Floats, counts: Floats) -> Floats:
    """One histogram at many moments: `counts` has a row for each bound, a column a moment."""
    out = np.full(len(wanted), np.nan)
    fits = len(bounds) > 1 and math.isinf(bounds[-1]) and bounds[-1] > 0
    with np.errstate(all="ignore"):
        if fits and len(wanted):
            out = _inside(wanted, bounds, _monotonic(counts))
    out[wanted < 0] = -np.inf
    out[wanted > 1] = np.inf
    out[np.isnan(wanted)] = np.nan
    return out


def _monotonic(counts: Floats) -> Floats:
    """Counts that never fall; tiny steps between two bounds are taken for none."""
    out = counts.copy()
    for row in range(1, len(out)):
        before, now = out[row - 1], out[row]
        same = np.abs(now - before) / (np.abs(now) + np.abs(before)) < _SMALL
        fell = (now < before) | same
        out[row] = np.where(fell, before, now)
    return out


def _inside(wanted: Floats, bounds: Floats, counts: Floats) -> Floats:
    total = counts[-1]
    rank = wanted * total
    last = len(bounds) - 1
    reached = counts[:last] >= rank
    at = np.where(reached.any(axis=0), reached.argmax(axis=0), last)
    column = np.arange(len(wanted))
    before = np.maximum(at - 1, 0)
    lower = np.where(at > 0, bounds[before], 0.0)
    base = np.where(at > 0, counts[before, column], 0.0)
    part = (rank - base) / (counts[at, column] - base)
    found = lower + (bounds[at] - lower) * part
    found = np.where((at == 0) & (bounds[0] <= 0), bounds[0], found)
    found = np.where(at == last, bounds[last - 1], found)
    return np.where(total == 0, np.nan, found)
