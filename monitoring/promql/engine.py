"""Queries at one moment and over a range, from text or from a tree that was scoped before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitoring.promql.errors import BadQuery, TooMuch
from monitoring.promql.evaluating import DEFAULT, Bounds, Evaluation, Spent
from monitoring.promql.selecting import LOOKBACK
from monitoring.promql.tree import Node, Range, Subquery
from monitoring.promql.values import Floats, Ints, Labels, Store, Vector


@dataclass(frozen=True, slots=True)
class Points:
    """One series of an answer."""

    labels: Labels
    times: Ints
    values: Floats


@dataclass(frozen=True)
class Answer:
    """`kind` is the result type of Prometheus' HTTP API: scalar, vector, matrix or string."""

    kind: str
    series: tuple[Points, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Moments:
    """From `start` to `end`, both included, every `step` (milliseconds)."""

    start: int
    end: int
    step: int


def query(
    store: Store, node: Node, moment: int, *, bounds: Bounds = DEFAULT, lookback: int = LOOKBACK
) -> Answer:
    """The value at one moment (milliseconds)."""
    run = Evaluation(store, np.array([moment]), moment, moment, Spent(bounds), lookback)
    if isinstance(node, Range | Subquery):
        parts = (
            Points(one.labels, one.times[part], one.values[part])
            for one in run.ranged(node)
            for _, part in one.each()
        )
        return Answer("matrix", tuple(parts))
    found = run.value(node)
    if isinstance(found, str):
        return Answer("string", text=found)
    if isinstance(found, Vector):
        return Answer("vector", _points(found, run.moments))
    return Answer("scalar", (Points((), run.moments, found),))


def query_range(
    store: Store,
    node: Node,
    when: Moments,
    *,
    bounds: Bounds = DEFAULT,
    lookback: int = LOOKBACK,
) -> Answer:
    """The values at all moments."""
    start, end, step = when.start, when.end, when.step
    if step <= 0:
        raise BadQuery("The step has to be more than 0.")
    if end < start:
        raise BadQuery("The end lies before the start.")
    if (end - start) // step >= bounds.points:
        message = f"Over {bounds.points:,} points for one series: ask for a longer step."
        raise TooMuch(message)
    moments = np.arange(start, end + 1, step, dtype=np.int64)
    if isinstance(node, Range | Subquery):
        raise BadQuery("A range of range vectors is none: take a function over it, as rate().")
    run = Evaluation(store, moments, start, end, Spent(bounds), lookback)
    found = run.value(node)
    if isinstance(found, str):
        raise BadQuery("A text has no range.")
    if isinstance(found, Vector):
        return Answer("matrix", _points(found, moments))
    return Answer("matrix", (Points((), moments, found),))


def _points(vector: Vector, moments: Ints) -> tuple[Points, ...]:
    return tuple(
        Points(labels, moments[there], values[there])
        for labels, values, there in zip(vector.labels, vector.values, vector.there, strict=True)
        if there.any()
    )
