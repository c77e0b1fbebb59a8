"""Samples and what is made of them: labels, series in arrays, and vectors over moments.

Moments and times are milliseconds in int64 arrays, values float64. A vector has a row for each
series and a column for each moment; `there` says where it has a sample, since NaN is a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from monitoring.promql.tree import NAME, Matcher

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Labels = tuple[tuple[str, str], ...]  # sorted by name; none is empty
STALE_BITS = np.uint64(0x7FF0_0000_0000_0002)
STALE: float = float(np.array([STALE_BITS]).view(np.float64)[0])  # ends a series


@dataclass(frozen=True, slots=True)
class Series:
    """One series as it is stored; times rise, and markers of its end are among the values."""

    labels: Labels
    times: Ints
    values: Floats


class Store(Protocol):
    """Where samples come from."""

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Sequence[Series]:
        """The series that match, with their samples from `start` to `end`, both included."""


@dataclass(slots=True)
class Vector:
    """Series over the moments of a query."""

    labels: list[Labels]
    values: Floats
    there: Bools

    @property
    def rows(self) -> int:
        return len(self.labels)

    def only(self, rows: Sequence[int] | Bools | np.bool_) -> Vector:
        """Some of the rows."""
        at = np.flatnonzero(rows) if isinstance(rows, np.ndarray) else np.array(rows, np.int64)
        return Vector([self.labels[row] for row in at], self.values[at], self.there[at])


def empty(moments: int) -> Vector:
    return Vector([], np.zeros((0, moments)), np.zeros((0, moments), bool))


def is_stale(values: Floats) -> Bools:
    found: Bools = values.view(np.uint64) == STALE_BITS
    return found


def labels_of(pairs: Iterable[tuple[str, str]]) -> Labels:
    """Labels in their order, without empty ones."""
    return tuple(sorted((name, value) for name, value in pairs if value))


def value_of(labels: Labels, name: str) -> str:
    return next((value for one, value in labels if one == name), "")


def without(labels: Labels, names: frozenset[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def only(labels: Labels, names: frozenset[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in names)


_NAMES = frozenset({NAME})


def unnamed(labels: Labels) -> Labels:
    """The labels without the name of the metric, which what was computed has no longer."""
    return without(labels, _NAMES)
