"""Rows that have the same labels: one series where they follow each other, an error where not."""

from __future__ import annotations

import numpy as np

from monitoring.promql.errors import QueryError
from monitoring.promql.values import Labels, Vector

SAME = "vector cannot contain metrics with the same labelset"


def merged(vector: Vector, message: str = SAME) -> Vector:
    """One row for each set of labels; raises where two have a sample at one moment."""
    if len(set(vector.labels)) == vector.rows:
        return vector
    places: dict[Labels, int] = {}
    row = np.array([places.setdefault(labels, len(places)) for labels in vector.labels])
    values = np.zeros((len(places), vector.values.shape[1]))
    count = np.zeros(values.shape, np.int64)
    np.add.at(count, row, vector.there)
    if (count > 1).any():
        raise QueryError(message)
    for number, to in enumerate(row):
        here = vector.there[number]
        values[to, here] = vector.values[number, here]
    return Vector(list(places), values, count > 0)


def renamed(vector: Vector, labels: list[Labels]) -> Vector:
    """The vector with other labels, merged."""
    return merged(Vector(labels, vector.values, vector.there))
