"""Operators between two vectors: which rows belong together, and what comes of each pair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import numpy as np

from monitoring.promql.errors import QueryError
from monitoring.promql.tree import COMPARISONS, NAME, Binary, Card, Matching
from monitoring.promql.values import (
    Bools,
    Floats,
    Labels,
    Vector,
    empty,
    labels_of,
    only,
    unnamed,
    value_of,
    without,
)

MANY = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"

ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
}
COMPARING: Mapping[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def signature(matching: Matching) -> Callable[[Labels], Labels]:
    """The labels by which two rows belong together."""
    names = frozenset(matching.labels)
    if matching.on:
        return lambda labels: only(labels, names)
    gone = names | {NAME}
    return lambda labels: without(labels, gone)


# -- set operators ---------------------------------------------------------------------------------


def _present(vector: Vector, sign: Callable[[Labels], Labels]) -> dict[Labels, Bools]:
    """At which moments there is a row with a signature."""
    found: dict[Labels, Bools] = {}
    for row, labels in enumerate(vector.labels):
        key = sign(labels)
        known = found.get(key)
        found[key] = vector.there[row] if known is None else known | vector.there[row]
    return found


def sets(node: Binary, left: Vector, right: Vector) -> Vector:
    """`and`, `or`, `unless`."""
    sign = signature(node.matching)
    if node.operation == "or":
        mine = _present(left, sign)
        extra = _masked(right, sign, mine, keep=False)
        return Vector(
            left.labels + extra.labels,
            np.concatenate([left.values, extra.values]),
            np.concatenate([left.there, extra.there]),
        )
    return _masked(left, sign, _present(right, sign), keep=node.operation == "and")


def _masked(
    vector: Vector, sign: Callable[[Labels], Labels], other: Mapping[Labels, Bools], *, keep: bool
) -> Vector:
    never = np.zeros(vector.there.shape[1], bool)
    there = vector.there.copy()
    for row, labels in enumerate(vector.labels):
        where = other.get(sign(labels), never)
        there[row] &= where if keep else ~where
    return Vector(vector.labels, vector.values, there).only(there.any(axis=1))


# -- vector and vector -----------------------------------------------------------------------------


def pairs(node: Binary, left: Vector, right: Vector) -> Vector:
    """Arithmetic and comparisons between two vectors."""
    matching = node.matching
    swapped = matching.card is Card.ONE_TO_MANY
    many, one = (right, left) if swapped else (left, right)
    sign = signature(matching)
    ones: dict[Labels, list[int]] = defaultdict(list)
    for row, labels in enumerate(one.labels):
        ones[sign(labels)].append(row)
    alive = many.there.any(axis=0)
    for key, rows in ones.items():
        if len(rows) > 1 and ((one.there[rows].sum(axis=0) > 1) & alive).any():
            side = "left" if swapped else "right"
            raise QueryError(
                f"found duplicate series for the match group {dict(key)} on the {side} side of "
                "the operation: many-to-many matching not allowed"
            )
    made: dict[Labels, _Row] = {}
    moments = many.there.shape[1]
    for row, labels in enumerate(many.labels):
        for other in ones.get(sign(labels), ()):
            here = many.there[row] & one.there[other]
            if not here.any():
                continue
            a, b = many.values[row], one.values[other]
            value, keep = _result(node, b if swapped else a, a if swapped else b)
            result = _labels(node, labels, one.labels[other])
            target = made.setdefault(result, _Row(moments))
            target.put(value, here & keep, sign(labels), matching.card)
    if not made:
        return empty(moments)
    found = Vector(
        list(made),
        np.array([row.values for row in made.values()]),
        np.array([row.there for row in made.values()]),
    )
    return found.only(found.there.any(axis=1))


class _Row:
    """One row of the result, filled from one or more pairs at different moments."""

    __slots__ = ("there", "values")

    def __init__(self, moments: int) -> None:
        self.values, self.there = np.zeros(moments), np.zeros(moments, bool)

    def put(self, values: Floats, here: Bools, key: Labels, card: Card) -> None:
        if (self.there & here).any():
            words = MANY if card is Card.ONE_TO_ONE else UNIQUE
            raise QueryError(f"{words} {dict(key)}")
        self.values[here] = values[here]
        self.there |= here


def _result(node: Binary, left: Floats, right: Floats) -> tuple[Floats, Bools]:
    """What comes of two rows, and where it stays."""
    everywhere = np.ones(left.shape, bool)
    with np.errstate(all="ignore"):
        if node.operation in COMPARISONS:
            holds = COMPARING[node.operation](left, right)
            if node.to_bool:
                return holds.astype(float), everywhere
            return left, holds
        return ARITHMETIC[node.operation](left, right), everywhere


def _labels(node: Binary, many: Labels, one: Labels) -> Labels:
    """The labels of a result: those of the many side, or those that were compared."""
    matching = node.matching
    found = many
    if node.operation not in COMPARISONS or node.to_bool:
        found = unnamed(found)
    if matching.card is Card.ONE_TO_ONE:
        names = frozenset(matching.labels)
        return only(found, names) if matching.on else without(found, names)
    if not matching.include:
        return found
    kept = without(found, frozenset(matching.include))
    return labels_of([*kept, *((name, value_of(one, name)) for name in matching.include)])


# -- vector and number -----------------------------------------------------------------------------


def with_number(node: Binary, vector: Vector, number: Floats, *, number_left: bool) -> Vector:
    """A vector on one side, a number for each moment on the other."""
    a = np.broadcast_to(number, vector.values.shape) if number_left else vector.values
    b = vector.values if number_left else np.broadcast_to(number, vector.values.shape)
    with np.errstate(all="ignore"):
        if node.operation in COMPARISONS:
            holds = COMPARING[node.operation](a, b)
            if not node.to_bool:
                there = vector.there & holds
                return Vector(vector.labels, vector.values, there).only(there.any(axis=1))
            values = holds.astype(float)
        else:
            values = ARITHMETIC[node.operation](a, b)
    return Vector([unnamed(labels) for labels in vector.labels], values, vector.there)


def numbers(node: Binary, left: Floats, right: Floats) -> Floats:
    """A number on both sides."""
    with np.errstate(all="ignore"):
        if node.operation in COMPARISONS:
            return COMPARING[node.operation](left, right).astype(float)
        return ARITHMETIC[node.operation](left, right)
