"""What a query may read: matchers of whoever asks, added to every selector of its tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from monitoring.promql.errors import QueryError
from monitoring.promql.printing import text_of
from monitoring.promql.reading import read
from monitoring.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Matcher,
    Negative,
    Node,
    Range,
    Selector,
    Subquery,
)


def scoped(  # noqa: PLR0911 - one for each kind of node
    node: Node, matchers: tuple[Matcher, ...]
) -> Node:
    """The tree with the matchers in each selector, beside those that it has: both must hold."""
    match node:
        case Selector():
            return replace(node, matchers=(*node.matchers, *matchers))
        case Range(selector):
            both = (*selector.matchers, *matchers)
            return replace(node, selector=replace(selector, matchers=both))
        case Subquery(expression) | Negative(expression):
            return replace(node, expression=scoped(expression, matchers))
        case Call(_, arguments):
            return replace(node, arguments=tuple(scoped(one, matchers) for one in arguments))
        case Aggregate(_, expression):
            parameter = None if node.parameter is None else scoped(node.parameter, matchers)
            return replace(node, expression=scoped(expression, matchers), parameter=parameter)
        case Binary(_, left, right):
            return replace(node, left=scoped(left, matchers), right=scoped(right, matchers))
    return node


def selectors(node: Node) -> Iterator[Selector]:
    """Every selector of a tree."""
    match node:
        case Selector():
            yield node
        case Range(selector):
            yield selector
        case Subquery(expression) | Negative(expression):
            yield from selectors(expression)
        case Call(_, arguments):
            for one in arguments:
                yield from selectors(one)
        case Aggregate(_, expression, _, _, parameter):
            yield from selectors(expression)
            if parameter is not None:
                yield from selectors(parameter)
        case Binary(_, left, right):
            yield from selectors(left)
            yield from selectors(right)


def text_for_others(node: Node) -> str:
    """The text of a scoped tree for another server; raises where reading it gives another tree."""
    text = text_of(node)
    if read(text) != node:
        raise QueryError("The query cannot be handed on: its text does not say what it means.")
    return text
