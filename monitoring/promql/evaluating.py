"""A tree over a store at the moments of a query.

Every node is evaluated once for all moments: a number becomes a value for each, a vector a row
for each series. What a query may read and make is bounded by `Bounds`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from monitoring.promql import aggregating, functions, histograms, labelling, matching, windowed
from monitoring.promql.catalog import DATES, MATHS
from monitoring.promql.errors import BadQuery, TooMuch
from monitoring.promql.merging import merged, renamed
from monitoring.promql.selecting import LOOKBACK, Reducer, Windows, instant, windows
from monitoring.promql.tree import (
    NAME,
    SETS,
    Aggregate,
    Binary,
    Call,
    Edge,
    Negative,
    Node,
    Number,
    Op,
    Range,
    Selector,
    Shift,
    Subquery,
    Text,
)
from monitoring.promql.values import (
    Bools,
    Floats,
    Ints,
    Labels,
    Series,
    Store,
    Vector,
    empty,
    labels_of,
    unnamed,
)

MINUTE = 60 * 1000


@dataclass(frozen=True)
class Bounds:
    """What one query may read and make."""

    samples: int = 50_000_000
    points: int = 11_000  # moments of a range
    seconds: float = 10.0


DEFAULT = Bounds()


@dataclass
class Spent:
    """What a query used so far."""

    bounds: Bounds
    samples: int = 0
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.bounds.seconds

    def add(self, samples: int) -> None:
        self.samples += samples
        if self.samples > self.bounds.samples:
            raise TooMuch(
                f"The query reads more than {self.bounds.samples:,} samples. Ask for less time, "
                "a longer step or fewer series."
            )
        if time.monotonic() > self.deadline:
            raise TooMuch(f"The query took longer than {self.bounds.seconds:g} s.")


Value = Floats | Vector | str


@dataclass(frozen=True)
class Evaluation:
    """One tree's run: its moments, and those of the query as a whole for `@ start()`."""

    store: Store
    moments: Ints
    first: int
    last: int
    spent: Spent
    lookback: int = LOOKBACK

    # -- nodes -----------------------------------------------------------------------------------

    def value(self, node: Node) -> Value:  # noqa: PLR0911 - one for each kind of node
        match node:
            case Number(value):
                return np.full(len(self.moments), value)
            case Text(value):
                return value
            case Selector():
                return self._selected(node)[0]
            case Negative(expression):
                return self._negative(self.value(expression))
            case Aggregate():
                return self._aggregate(node)
            case Binary():
                return self._binary(node)
            case Call():
                return self._call(node)
        raise BadQuery("A range vector stands where an instant vector has to.")

    def vector(self, node: Node) -> Vector:
        found = self.value(node)
        if not isinstance(found, Vector):
            raise BadQuery("A number or text stands where a vector has to.")
        return found

    def number(self, node: Node) -> Floats:
        found = self.value(node)
        if isinstance(found, Vector | str):
            raise BadQuery("A vector or text stands where a number has to.")
        return found

    def text(self, node: Node) -> str:
        if not isinstance(node, Text):
            raise BadQuery("Something else stands where a text has to.")
        return node.value

    def _negative(self, found: Value) -> Value:
        if isinstance(found, Vector):
            return renamed(replace(found, values=-found.values), [unnamed(n) for n in found.labels])
        if isinstance(found, str):
            raise BadQuery("A text cannot be negative.")
        return -found

    # -- samples ---------------------------------------------------------------------------------

    def _moved(self, shift: Shift) -> Ints:
        """The moments that a selector looks at."""
        if shift.at is None:
            return self.moments - shift.offset
        match shift.at:
            case Edge.START:
                fixed = self.first
            case Edge.END:
                fixed = self.last
            case _:
                fixed = shift.at
        return np.full(len(self.moments), fixed - shift.offset)

    def _read(self, node: Selector, start: int, end: int) -> Sequence[Series]:
        found = self.store.select(node.matchers, start, end)
        self.spent.add(sum(len(one.times) for one in found) + len(found) * len(self.moments))
        return found

    def _selected(self, node: Selector) -> tuple[Vector, Ints]:
        moments = self._moved(node.shift)
        start = int(moments.min()) - self.lookback + 1
        series = self._read(node, start, int(moments.max()))
        return instant(series, moments, self.lookback)

    def ranged(self, node: Node) -> Sequence[Windows]:
        """The windows of a range vector's series."""
        if isinstance(node, Range):
            moments = self._moved(node.selector.shift)
            start = int(moments.min()) - node.length + 1
            series = self._read(node.selector, start, int(moments.max()))
            return list(windows(series, moments, node.length))
        if isinstance(node, Subquery):
            moments = self._moved(node.shift)
            return list(windows(self._inner(node, moments), moments, node.length))
        raise BadQuery("A range vector is needed here: add [5m].")

    def _inner(self, node: Subquery, moments: Ints) -> Sequence[Series]:
        step = node.step or MINUTE
        start = int(moments.min()) - node.length
        begin = (start // step + 1) * step
        end = int(moments.max())
        if (end - begin) // step > self.spent.bounds.points * 10:
            raise TooMuch("The subquery has too many steps: ask for a longer one.")
        inside = np.arange(begin, end + 1, step, dtype=np.int64)
        if not len(inside):
            return []
        found = replace(self, moments=inside).value(node.expression)
        if isinstance(found, np.ndarray):
            return [Series((), inside, found)]
        if isinstance(found, str):
            raise BadQuery("A text has no range.")
        self.spent.add(found.values.size)
        return [
            Series(labels, inside[here], values[here])
            for labels, values, here in zip(found.labels, found.values, found.there, strict=True)
            if here.any()
        ]

    # -- operators -------------------------------------------------------------------------------

    def _aggregate(self, node: Aggregate) -> Vector:
        vector = self.vector(node.expression)
        names, but = node.labels, node.without
        if node.parameter is None:
            return aggregating.simple(vector, names, but=but, operation=node.operation)
        if node.operation == "count_values":
            label = self.text(node.parameter)
            return aggregating.value_counts(vector, names, label, but=but)
        wanted = self.number(node.parameter)
        if node.operation == "quantile":
            return aggregating.quantiles(vector, names, wanted, but=but)
        largest = node.operation == "topk"
        return aggregating.extremes(vector, names, wanted, but=but, largest=largest)

    def _binary(self, node: Binary) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, str) or isinstance(right, str):
            raise BadQuery("A text cannot be calculated with.")
        if isinstance(left, Vector):
            if isinstance(right, Vector):
                return self._pairs(node, left, right)
            return merged(matching.with_number(node, left, right, number_left=False))
        if isinstance(right, Vector):
            return merged(matching.with_number(node, right, left, number_left=True))
        return matching.numbers(node, left, right)

    def _pairs(self, node: Binary, left: Vector, right: Vector) -> Vector:
        self.spent.add(left.values.size + right.values.size)
        if node.operation in SETS:
            return merged(matching.sets(node, left, right))
        return matching.pairs(node, left, right)

    # -- functions -------------------------------------------------------------------------------

    def _call(self, node: Call) -> Value:
        name, given = node.function, node.arguments
        if name in windowed.PLAIN:
            return self._windowed(given[0], windowed.PLAIN[name], keep=name in windowed.KEEPS_NAME)
        if name in MATHS:
            return self._maths(name, given)
        if name in DATES:
            return self._date(name, given)
        found: Value = getattr(self, f"_{name}")(*given)
        return found

    def _windowed(self, node: Node, reducer: Reducer, *, keep: bool = False) -> Vector:
        found = self.ranged(node)
        if not found:
            return empty(len(self.moments))
        made = [reducer(one) for one in found]
        labels = [one.labels if keep else unnamed(one.labels) for one in found]
        vector = Vector(
            labels,
            np.array([values for values, _ in made], dtype=np.float64),
            np.array([there for _, there in made]),
        )
        return merged(vector.only(vector.there.any(axis=1)))

    def _maths(self, name: str, given: tuple[Node, ...]) -> Vector:
        vector = self.vector(given[0])
        others = [self.number(one) for one in given[1:]]
        if name == "round" and not others:
            others = [np.ones(len(self.moments))]
        if name == "clamp":
            return self._clamp(vector, *others)
        with np.errstate(all="ignore"):
            values = functions.MATHS[name](vector.values, *others)
        return self._unnamed(replace(vector, values=values))

    def _clamp(self, vector: Vector, low: Floats, high: Floats) -> Vector:
        with np.errstate(all="ignore"):
            values = functions.clamped(vector.values, low, high)
        there = vector.there & ~(high < low)
        found = Vector(vector.labels, values, there)
        return self._unnamed(found.only(there.any(axis=1)))

    def _unnamed(self, vector: Vector) -> Vector:
        return renamed(vector, [unnamed(labels) for labels in vector.labels])

    def _date(self, name: str, given: tuple[Node, ...]) -> Vector:
        vector = self.vector(given[0]) if given else self._vector(Call("time", ()))
        return self._unnamed(replace(vector, values=functions.date(name, vector.values)))

    def _time(self) -> Floats:
        return self.moments / 1000

    def _vector(self, node: Node) -> Vector:
        values = self.number(node)
        return Vector([()], values[None, :], np.ones((1, len(values)), bool))

    def _scalar(self, node: Node) -> Floats:
        vector = self.vector(node)
        alone = vector.there.sum(axis=0) == 1
        out = np.full(len(self.moments), np.nan)
        found = np.where(vector.there, vector.values, 0)
        out[alone] = found.sum(axis=0)[alone]
        return out

    def _timestamp(self, node: Node) -> Vector:
        if isinstance(node, Selector):
            vector, times = self._selected(node)
            return self._unnamed(replace(vector, values=times / 1000))
        vector = self.vector(node)
        now: Floats = np.broadcast_to(self.moments / 1000, vector.values.shape)
        return self._unnamed(replace(vector, values=now))

    def _sort(self, node: Node) -> Vector:
        return self._sorted(self.vector(node), 1)

    def _sort_desc(self, node: Node) -> Vector:
        return self._sorted(self.vector(node), -1)

    def _sorted(self, vector: Vector, sign: int) -> Vector:
        """By value where there is one moment; a range is not sorted."""
        if len(self.moments) != 1 or not vector.rows:
            return vector
        values = sign * vector.values[:, 0]
        last = np.isnan(values)
        return vector.only(list(np.lexsort((np.where(last, 0, values), last))))

    def _absent(self, node: Node) -> Vector:
        return self._where_none(node, self.vector(node).there)

    def _absent_over_time(self, node: Node) -> Vector:
        there = [one.count > 0 for one in self.ranged(node)]
        selector = node.selector if isinstance(node, Range) else node
        rows: Bools = np.array(there, bool).reshape(len(there), len(self.moments))
        return self._where_none(selector, rows)

    def _where_none(self, node: Node, there: Bools) -> Vector:
        none: Bools = np.asarray(~there.any(axis=0))
        found = Vector([_told(node)], np.ones((1, len(none))), none[None, :])
        return found.only(found.there.any(axis=1))

    def _histogram_quantile(self, wanted: Node, node: Node) -> Vector:
        return histograms.quantile(self.number(wanted), self.vector(node))

    def _quantile_over_time(self, wanted: Node, node: Node) -> Vector:
        return self._windowed(node, windowed.quantile(self.number(wanted)))

    def _predict_linear(self, node: Node, seconds: Node) -> Vector:
        now = self.moments.astype(float)
        return self._windowed(node, windowed.prediction(self.number(seconds), now))

    def _label_replace(self, node: Node, *texts: Node) -> Vector:
        return labelling.replaced(self.vector(node), *(self.text(one) for one in texts))

    def _label_join(self, node: Node, to: Node, separator: Node, *sources: Node) -> Vector:
        names = [self.text(one) for one in sources]
        return labelling.joined(self.vector(node), self.text(to), self.text(separator), names)


def _told(node: Node) -> Labels:
    """The labels that a selector says for certain: each equal to one value, by one matcher."""
    if not isinstance(node, Selector):
        return ()
    names = [matcher.name for matcher in node.matchers]
    return labels_of(
        (one.name, one.value)
        for one in node.matchers
        if one.op is Op.EQUAL and one.name != NAME and names.count(one.name) == 1
    )
