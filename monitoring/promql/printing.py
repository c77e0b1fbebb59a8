"""A tree as text that any Prometheus reads the same way. Every operand stands in brackets."""

from __future__ import annotations

import math

from monitoring.promql.tree import (
    SETS,
    Aggregate,
    Binary,
    Call,
    Card,
    Edge,
    Matching,
    Negative,
    Node,
    Number,
    Range,
    Selector,
    Shift,
    Subquery,
    Text,
)

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(node: Node) -> str:  # noqa: PLR0911 - one for each kind of node
    """The text of a tree; `reading.read` of it gives the tree again."""
    match node:
        case Number(value):
            return _number(value)
        case Text(value):
            return quoted(value)
        case Selector():
            return _selector(node) + _shift(node.shift)
        case Range(selector, length):
            return f"{_selector(selector)}[{length}ms]{_shift(selector.shift)}"
        case Subquery(expression, length, step, shift):
            every = f"{step}ms" if step else ""
            return f"({text_of(expression)})[{length}ms:{every}]{_shift(shift)}"
        case Call(function, arguments):
            return f"{function}({', '.join(map(text_of, arguments))})"
        case Aggregate():
            return _aggregate(node)
        case Negative(expression):
            return f"-({text_of(expression)})"
        case Binary(operation, left, right, matching, to_bool):
            words = [f"({text_of(left)})", operation]
            words += ["bool"] if to_bool else []
            words += _matching(matching, operation)
            return " ".join([*words, f"({text_of(right)})"])


def quoted(text: str) -> str:
    """A string with its quotes."""
    return '"' + "".join(_ESCAPES.get(sign, sign) for sign in text) + '"'


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)


def _selector(node: Selector) -> str:
    return "{" + ",".join(f"{m.name}{m.op}{quoted(m.value)}" for m in node.matchers) + "}"


def _shift(shift: Shift) -> str:
    at = ""
    if isinstance(shift.at, Edge):
        at = f" @ {shift.at}"
    elif shift.at is not None:
        at = f" @ {shift.at / 1000:.3f}"
    sign = "-" if shift.offset < 0 else ""
    return at + (f" offset {sign}{abs(shift.offset)}ms" if shift.offset else "")


def _aggregate(node: Aggregate) -> str:
    by = "without" if node.without else "by"
    labels = f" {by} ({', '.join(node.labels)})" if node.labels or node.without else ""
    inner = text_of(node.expression)
    if node.parameter is not None:
        inner = f"{text_of(node.parameter)}, {inner}"
    return f"{node.operation}{labels} ({inner})"


def _matching(matching: Matching, operation: str) -> list[str]:
    words = []
    if matching.on or matching.labels:
        words.append(f"{'on' if matching.on else 'ignoring'} ({', '.join(matching.labels)})")
    if operation not in SETS and matching.card in {Card.MANY_TO_ONE, Card.ONE_TO_MANY}:
        side = "left" if matching.card is Card.MANY_TO_ONE else "right"
        words.append(f"group_{side} ({', '.join(matching.include)})")
    return words
