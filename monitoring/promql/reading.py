"""A query's text as a tree, by `promql-parser`; what Slipway does not run is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import promql_parser as syntax
import re2

from monitoring.promql import limits
from monitoring.promql.catalog import AGGREGATIONS, FUNCTIONS
from monitoring.promql.errors import BadQuery, NotRun, TooMuch
from monitoring.promql.tree import (
    NAME,
    SETS,
    Aggregate,
    Binary,
    Call,
    Card,
    Edge,
    Matcher,
    Matching,
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

# By their names: the library's own values cannot be hashed.
_CARDS = {
    "VectorMatchCardinality.OneToOne": Card.ONE_TO_ONE,
    "VectorMatchCardinality.ManyToOne": Card.MANY_TO_ONE,
    "VectorMatchCardinality.OneToMany": Card.ONE_TO_MANY,
    "VectorMatchCardinality.ManyToMany": Card.MANY_TO_MANY,
}
_OPS = {
    "MatchOp.Equal": Op.EQUAL,
    "MatchOp.NotEqual": Op.UNEQUAL,
    "MatchOp.Re": Op.MATCHES,
    "MatchOp.NotRe": Op.DIFFERS,
}
_BINARY = SETS | {"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<="}
_MILLISECOND = timedelta(milliseconds=1)


def read(text: str) -> Node:
    """The tree of a query; raises `BadQuery`, `NotRun` or `TooMuch`."""
    limits.check(text)
    try:
        found = syntax.parse(text)
    except ValueError as error:
        raise BadQuery(f"The query cannot be read: {error}") from None
    return _node(found)


def _node(found: Any) -> Node:
    reader = _READERS.get(type(found))
    if reader is None:
        raise NotRun(type(found).__name__)
    return reader(found)


def _selector(found: Any) -> Selector:
    if found.matchers.or_matchers:
        raise NotRun("“or” between a selector's matchers")
    matchers = [Matcher(one.name, _OPS[str(one.op)], one.value) for one in found.matchers.matchers]
    if found.name:
        matchers.insert(0, Matcher(NAME, Op.EQUAL, found.name))
    for matcher in matchers:
        if matcher.op in {Op.MATCHES, Op.DIFFERS}:
            _pattern(matcher.value)
    return Selector(tuple(matchers), _shift(found))


def _pattern(text: str) -> None:
    if len(text) > limits.MAX_REGEX:
        message = f"A pattern has {len(text)} characters; at most {limits.MAX_REGEX} may be."
        raise TooMuch(message)
    try:
        re2.compile(text)
    except re2.error as error:
        raise BadQuery(f"The pattern {text[:80]!r} cannot be read: {error}") from None


def _shift(found: Any) -> Shift:
    offset = _milliseconds(found.offset) if found.offset is not None else 0
    at: int | Edge | None = None
    if found.at is not None:
        kind = found.at.type
        if kind == syntax.AtModifierType.Start:
            at = Edge.START
        elif kind == syntax.AtModifierType.End:
            at = Edge.END
        else:
            at = round(found.at.at.timestamp() * 1000)
    return Shift(offset, at)


def _milliseconds(length: timedelta) -> int:
    return length // _MILLISECOND


def _range(found: Any) -> Range:
    return Range(_selector(found.vector_selector), _milliseconds(found.range))


def _subquery(found: Any) -> Subquery:
    step = _milliseconds(found.step) if found.step is not None else 0
    return Subquery(_node(found.expr), _milliseconds(found.range), step, _shift(found))


def _call(found: Any) -> Call:
    name = found.func.name
    if name not in FUNCTIONS:
        raise NotRun(f"The function {name}")
    return Call(name, tuple(_node(argument) for argument in found.args))


def _aggregate(found: Any) -> Aggregate:
    operation = str(found.op)
    if operation not in AGGREGATIONS:
        raise NotRun(f"The aggregation {operation}")
    labels: tuple[str, ...] = ()
    without = False
    if found.modifier is not None:
        labels = tuple(found.modifier.labels)
        without = found.modifier.type == syntax.AggModifierType.Without
    parameter = _node(found.param) if found.param is not None else None
    return Aggregate(operation, _node(found.expr), labels, without, parameter)


def _binary(found: Any) -> Binary:
    operation = str(found.op).strip()
    if operation not in _BINARY:
        raise NotRun(f"The operator {operation}")
    left, right, modifier = _node(found.lhs), _node(found.rhs), found.modifier
    card = Card.MANY_TO_MANY if operation in SETS else Card.ONE_TO_ONE
    if modifier is None:
        return Binary(operation, left, right, Matching(card))
    on, labels = False, ()
    if modifier.matching is not None:
        on = modifier.matching.type == syntax.LabelModifierType.Include
        labels = tuple(modifier.matching.labels)
    if _fills(modifier):
        raise NotRun("The modifier fill")
    matching = Matching(_CARDS[str(modifier.card)], on, labels, tuple(modifier.group_labels or ()))
    return Binary(operation, left, right, matching, bool(modifier.return_bool))


def _fills(modifier: Any) -> bool:
    values = modifier.fill_values
    return values is not None and (values.lhs is not None or values.rhs is not None)


_READERS: dict[type, Callable[[Any], Node]] = {
    syntax.NumberLiteral: lambda found: Number(float(found.val)),
    syntax.StringLiteral: lambda found: Text(found.val),
    syntax.ParenExpr: lambda found: _node(found.expr),
    syntax.UnaryExpr: lambda found: Negative(_node(found.expr)),
    syntax.VectorSelector: _selector,
    syntax.MatrixSelector: _range,
    syntax.SubqueryExpr: _subquery,
    syntax.Call: _call,
    syntax.AggregateExpr: _aggregate,
    syntax.BinaryExpr: _binary,
}
