"""How long and deep a text may be, measured before any parser sees it.

Deep nesting ends the process of a parser that descends; so what could nest is counted first, in
one pass over the text.
"""

from __future__ import annotations

from monitoring.promql.errors import TooMuch

MAX_LENGTH = 10_000  # characters
MAX_DEPTH = 60  # brackets that are open at once
MAX_OPERATORS = 250  # each may be one level of the tree
MAX_REGEX = 1_000  # characters
_OPEN, _CLOSE = "([{", ")]}"
_WORDS = frozenset({"and", "or", "unless", "atan2"})


def check(text: str) -> None:
    """Raise `TooMuch` for a text that no person writes."""
    if len(text) > MAX_LENGTH:
        raise TooMuch(f"The query has {len(text)} characters; at most {MAX_LENGTH} may be.")
    depth = operators = at = 0
    while at < len(text):
        sign = text[at]
        if sign in "\"'`":
            at = _after_string(text, at)
            continue
        if sign == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
            continue
        depth += (sign in _OPEN) - (sign in _CLOSE)
        operators += _is_operator(text, at)
        if depth > MAX_DEPTH:
            raise TooMuch(f"The query nests deeper than {MAX_DEPTH} brackets.")
        if operators > MAX_OPERATORS:
            raise TooMuch(f"The query has more than {MAX_OPERATORS} operators.")
        at += 1


def _is_operator(text: str, at: int) -> bool:
    """Whether one may begin here."""
    if text[at] in "+-*/%^=<>!":
        return True
    inside = at > 0 and (text[at - 1].isalnum() or text[at - 1] in "_:")
    if inside or text[at] not in "aouAOU":
        return False
    end = at
    while end < len(text) and text[end].isalnum():
        end += 1
    return text[at:end].lower() in _WORDS


def _after_string(text: str, at: int) -> int:
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" and quote != "`" else 1
    return at + 1
