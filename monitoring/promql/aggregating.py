"""Aggregations over the series of a vector, at all moments at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from monitoring.promql.errors import BadQuery
from monitoring.promql.merging import merged
from monitoring.promql.tree import NAME
from monitoring.promql.values import Floats, Ints, Labels, Vector, labels_of, only, without
from monitoring.promql.windowed import quantile_of

_MORE = np.longdouble


def grouped(vector: Vector, names: tuple[str, ...], *, but: bool) -> tuple[list[Labels], Ints]:
    """The labels of each group, and the group of each row."""
    if but:
        gone = frozenset(names) | {NAME}
        keys = [without(labels, gone) for labels in vector.labels]
    else:
        kept = frozenset(names)
        keys = [only(labels, kept) for labels in vector.labels]
    places: dict[Labels, int] = {}
    rows = np.array([places.setdefault(key, len(places)) for key in keys], np.int64)
    return list(places), rows


def simple(vector: Vector, names: tuple[str, ...], *, but: bool, operation: str) -> Vector:
    """`sum`, `avg` and the others that give one value for a group."""
    groups, rows = grouped(vector, names, but=but)
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(len(groups)))
    values, there = vector.values[order], vector.there[order]
    if not groups:
        return Vector([], vector.values, vector.there)
    count = np.add.reduceat(there.astype(np.int64), starts, axis=0)
    with np.errstate(all="ignore"):
        made = _SIMPLE[operation](values, there, starts, count)
    return Vector(groups, made.astype(np.float64), count > 0)


def _sum(values: Floats, there: np.ndarray, starts: Ints, _: Ints) -> Floats:
    return np.add.reduceat(np.where(there, values, 0).astype(_MORE), starts, axis=0)


def _average(values: Floats, there: np.ndarray, starts: Ints, count: Ints) -> Floats:
    return _sum(values, there, starts, count) / np.maximum(count, 1)


def _variance(values: Floats, there: np.ndarray, starts: Ints, count: Ints) -> Floats:
    mean = _average(values, there, starts, count)
    sizes = np.diff(np.append(starts, len(values)))
    apart = (values - np.repeat(mean, sizes, axis=0)) ** 2
    return _average(apart, there, starts, count)


def _extreme(operation: np.ufunc) -> Callable[..., Floats]:
    def made(values: Floats, there: np.ndarray, starts: Ints, _: Ints) -> Floats:
        found: Floats = operation.reduceat(np.where(there, values, np.nan), starts, axis=0)
        return found

    return made


_SIMPLE: Mapping[str, Callable[..., Floats]] = {
    "sum": _sum,
    "avg": _average,
    "min": _extreme(np.fmin),
    "max": _extreme(np.fmax),
    "count": lambda _values, _there, _starts, count: count.astype(float),
    "group": lambda _values, _there, _starts, count: np.ones(count.shape),
    "stdvar": _variance,
    "stddev": lambda *given: np.sqrt(_variance(*given)),
}


def extremes(
    vector: Vector, names: tuple[str, ...], wanted: Floats, *, but: bool, largest: bool
) -> Vector:
    """`topk` and `bottomk`: the rows as they are, at the moments at which they are among them."""
    groups, rows = grouped(vector, names, but=but)
    kept = np.zeros(vector.there.shape, bool)
    for group in range(len(groups)):
        members = np.flatnonzero(rows == group)
        for moment in range(vector.values.shape[1]):
            count = _whole(wanted[moment])
            here = members[vector.there[members, moment]]
            if count < 1 or not len(here):
                continue
            values = vector.values[here, moment]
            rank = np.where(np.isnan(values), -np.inf, values if largest else -values)
            first = np.lexsort((np.isnan(values), -rank))[:count]
            kept[here[first], moment] = True
    found = Vector(vector.labels, vector.values, kept)
    return found.only(kept.any(axis=1))


def _whole(wanted: float) -> int:
    if math.isnan(wanted):
        raise BadQuery("Parameter value is NaN: topk and bottomk take a number.")
    return int(max(min(wanted, 1e9), -1))


def quantiles(vector: Vector, names: tuple[str, ...], wanted: Floats, *, but: bool) -> Vector:
    groups, rows = grouped(vector, names, but=but)
    shape = (len(groups), vector.values.shape[1])
    values, there = np.zeros(shape), np.zeros(shape, bool)
    for group in range(len(groups)):
        members = rows == group
        for moment in range(shape[1]):
            here = vector.values[members & vector.there[:, moment], moment]
            if len(here):
                there[group, moment] = True
                values[group, moment] = quantile_of(here, float(wanted[moment]))
    return Vector(groups, values, there)


def value_counts(vector: Vector, names: tuple[str, ...], label: str, *, but: bool) -> Vector:
    """How many rows of a group have each value, which becomes a label."""
    groups, rows = grouped(vector, names, but=but)
    places: dict[Labels, int] = {}
    counts: list[Floats] = []
    for row in range(vector.rows):
        for moment in np.flatnonzero(vector.there[row]):
            own = (label, shown(float(vector.values[row, moment])))
            pairs = [pair for pair in groups[rows[row]] if pair[0] != label]
            key = labels_of([*pairs, own])
            at = places.setdefault(key, len(places))
            if at == len(counts):
                counts.append(np.zeros(vector.values.shape[1]))
            counts[at][moment] += 1
    values = np.array(counts).reshape(len(counts), vector.values.shape[1])
    return merged(Vector(list(places), values, values > 0))


def shown(value: float) -> str:
    """A value in the shortest digits that give it again, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(value, trim="-")
