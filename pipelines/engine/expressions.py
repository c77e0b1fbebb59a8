"""`rules:if`: lexer, parser and evaluation of GitLab's expressions.

https://docs.gitlab.com/ci/jobs/job_rules/#cicd-variable-expressions
`&&` binds tighter than `||`. A variable alone is true when it is set and not empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pipelines.engine.patterns import PatternError, compiled, matches, parse_slashes
from pipelines.engine.problems import short

MAX_CHARACTERS = 10_000
MAX_TOKENS = 1_000
MAX_NESTING = 50

_TOKEN = re.compile(
    r"""\s*(?:(?P<variable>\$(?:\w+|\{\w+\}))
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<regex>/(?:\\.|[^\\/\n])+/[a-zA-Z]*)
    |(?P<null>null\b)
    |(?P<operator>==|!=|=~|!~|&&|\|\||[()]))""",
    re.VERBOSE,
)
_COMPARING = frozenset({"==", "!=", "=~", "!~"})


class ExpressionError(ValueError):
    """The expression cannot be read; the text says where and why."""


class Token(NamedTuple):
    kind: str
    text: str
    column: int


@dataclass(frozen=True, slots=True)
class Value:
    """A variable, a text, a regular expression or null."""

    kind: str
    text: str

    def of(self, variables: Mapping[str, str]) -> str | None:
        if self.kind == "null":
            return None
        return variables.get(self.text) if self.kind == "variable" else self.text


@dataclass(frozen=True, slots=True)
class Compare:
    left: Value
    operator: str
    right: Value


@dataclass(frozen=True, slots=True)
class Join:
    """Parts joined by one operator, `&&` or `||`."""

    operator: str
    parts: tuple[Node, ...]


Node = Value | Compare | Join


@dataclass(frozen=True, slots=True)
class Expression:
    text: str
    root: Node = field(repr=False)
    names: tuple[str, ...]

    def evaluate(self, variables: Mapping[str, str]) -> bool:
        """Whether it holds; `ExpressionError` where a variable's pattern is no expression."""
        return _holds(self.root, variables)


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if not found or not found.lastgroup:
            rest = text[at:].lstrip()
            column = len(text) - len(rest) + 1
            shown = short(rest.rstrip(), 20)
            raise ExpressionError(f"“{shown}” at character {column} is no part of an expression")
        yield Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup) + 1)
        at = found.end()


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        if len(self.tokens) > MAX_TOKENS:
            raise ExpressionError(f"it has more than {MAX_TOKENS} parts")
        self.at = 0
        self.depth = 0
        self.names: dict[str, None] = {}

    def peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise ExpressionError("it ends where a value is expected")
        self.at += 1
        return self.tokens[self.at - 1]

    def joined(self, operator: str) -> Node:
        parts = [self._part(operator)]
        while self.peek() == operator:
            self.take()
            parts.append(self._part(operator))
        return parts[0] if len(parts) == 1 else Join(operator, tuple(parts))

    def _part(self, operator: str) -> Node:
        return self.joined("&&") if operator == "||" else self._comparison()

    def _comparison(self) -> Node:
        if self.peek() == "(":
            return self._grouped()
        left = self._value()
        if self.peek() not in _COMPARING:
            return left
        operator = self.take().text
        right = self._value()
        if operator in {"=~", "!~"} and right.kind not in {"regex", "variable", "text"}:
            raise ExpressionError(f"right of {operator} stands a /pattern/ or a variable")
        if operator in {"=~", "!~"} and right.kind == "regex":
            _checked(right.text)
        return Compare(left, operator, right)

    def _grouped(self) -> Node:
        self.take()
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise ExpressionError(f"it is nested more than {MAX_NESTING} deep")
        inner = self.joined("||")
        if self.peek() != ")":
            raise ExpressionError("a “)” is missing")
        self.take()
        self.depth -= 1
        return inner

    def _value(self) -> Value:
        token = self.take()
        if token.kind == "operator":
            message = f"“{token.text}” at character {token.column} stands where a value is expected"
            raise ExpressionError(message)
        if token.kind == "variable":
            name = token.text.strip("${}")
            self.names[name] = None
            return Value("variable", name)
        text = token.text[1:-1] if token.kind == "text" else token.text
        return Value(token.kind, text)


@lru_cache(maxsize=4_000)
def parse(text: str) -> Expression:
    """The expression; `ExpressionError` says at which character it goes wrong."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"it has more than {MAX_CHARACTERS} characters")
    parser = _Parser(text)
    root = parser.joined("||")
    if parser.at < len(parser.tokens):
        token = parser.tokens[parser.at]
        raise ExpressionError(f"“{short(token.text)}” at character {token.column} is one too many")
    return Expression(text, root, tuple(parser.names))


def _holds(node: Node, variables: Mapping[str, str]) -> bool:
    if isinstance(node, Value):
        return bool(node.of(variables))
    if isinstance(node, Join):
        results = (_holds(part, variables) for part in node.parts)
        return all(results) if node.operator == "&&" else any(results)
    left, right = node.left.of(variables), node.right.of(variables)
    if node.operator in {"==", "!="}:
        return (left == right) is (node.operator == "==")
    return _matched(left, right) is (node.operator == "=~")


def _matched(left: str | None, right: str | None) -> bool:
    if left is None or right is None:
        return False
    if parse_slashes(right) is None:
        return False  # a variable that holds no /pattern/ matches nothing
    _checked(right)
    return matches(left, right)


def _checked(pattern: str) -> None:
    try:
        compiled(pattern)
    except PatternError as fault:
        message = f"the regular expression {short(pattern)} is not RE2: {fault}"
        raise ExpressionError(message) from fault
