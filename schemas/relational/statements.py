"""SQL text as statements: where each begins, and its words, as PostgreSQL's own lexer sees them.

The scratch database runs one statement at a time so that an error names its line; the lint reads
the words. Nothing here guards anything: a statement's rights are those of the role that runs it.
PostgreSQL 15 manual, 4.1 "Lexical Structure".
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from schemas.formats.base import InvalidSchema, TooComplex

MAX_SQL = 4_000_000  # characters of one DDL or migration text
MAX_STATEMENTS = 20_000
_IDENT = r"[A-Za-z_\u0080-\U0010ffff]"
_TOKEN = re.compile(
    rf"""
      (?P<space>\s++)
    | (?P<line>--[^\n]*+)
    | (?P<block>/\*)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*+' | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*+')
    | (?P<quoted>(?:[uU]&)?"(?:[^"]|"")*+")
    | (?P<dollar>\$(?:{_IDENT}[\w]*+)?\$)
    | (?P<word>{_IDENT}[\w$]*+)
    | (?P<number>\d[\w.]*+)
    | (?P<cast>::)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_META = re.compile(r"\\[^\n]*+")


@dataclass(frozen=True)
class Token:
    """`kind` is word, quoted, string, number, cast, other, comment or meta."""

    kind: str
    text: str
    start: int

    @property
    def name(self) -> str:
        """The identifier as PostgreSQL folds it; other tokens as they stand."""
        if self.kind == "quoted":
            return self.text.partition('"')[2][:-1].replace('""', '"')
        return self.text.lower() if self.kind == "word" else self.text


@dataclass(frozen=True)
class Statement:
    text: str
    start: int  # offset of its first word in the whole text
    line: int  # of its first word, from 1
    tokens: tuple[Token, ...]  # without comments and white space
    comments: tuple[Token, ...] = ()  # that stand before or in it

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its tokens in lower case; a quoted identifier keeps its quotes, so it is no keyword."""
        return tuple(one.text.lower() if one.kind == "word" else one.text for one in self.tokens)

    @cached_property
    def parts(self) -> tuple[tuple[Token, ...], ...]:
        """Its tokens cut at the commas outside brackets."""
        held: list[list[Token]] = [[]]
        depth = 0
        for one in self.tokens:
            depth += {"(": 1, ")": -1}.get(one.text, 0)
            if one.text == "," and depth == 0:
                held.append([])
            else:
                held[-1].append(one)
        return tuple(tuple(part) for part in held if part)


class Lines:
    """Line and column, both from 1, of an offset."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def start(self, line: int) -> int:
        """The offset of a line; of the last one past the end."""
        return self._starts[min(max(line, 1), len(self._starts)) - 1]


def check_text(text: str) -> None:
    """Raises `TooComplex` or `InvalidSchema` for a text that no statement can be taken from."""
    if len(text) > MAX_SQL:
        raise TooComplex(
            f"The SQL text has {len(text)} characters; {MAX_SQL} are allowed.",
            fix="Hand in the schema without data, or a part of the migrations at a time.",
        )
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise InvalidSchema.at("/", "text", "It holds a character that PostgreSQL cannot store.")


def statements(text: str) -> Iterator[Statement]:
    """The statements in order, lazily; raises as `check_text`, or at an unclosed quote's line."""
    check_text(text)
    lines = Lines(text)
    held: list[Token] = []
    comments: list[Token] = []
    count = depth = 0
    for token in tokens(text, lines):
        if token.kind == "comment":
            comments.append(token)
        elif token.kind == "meta" and not held:
            yield Statement(token.text, token.start, lines.at(token.start)[0], (token,))
        elif token.text == ";" and token.kind == "other" and depth <= 0:
            if held:
                yield _statement(text, lines, held, comments)
                count += 1
            held, comments, depth = [], [], 0
        else:
            held.append(token)
            depth += _depth(token, held)
        if count > MAX_STATEMENTS:
            raise TooComplex(f"The text has more than {MAX_STATEMENTS} statements.")
    if held or comments:
        yield _statement(text, lines, held, comments)


def _statement(text: str, lines: Lines, held: list[Token], comments: list[Token]) -> Statement:
    if not held:
        end = comments[-1].start
        return Statement("", end, lines.at(end)[0], (), tuple(comments))
    start, last = held[0].start, held[-1]
    body = text[start : last.start + len(last.text)]
    return Statement(body, start, lines.at(start)[0], tuple(held), tuple(comments))


def _depth(token: Token, held: list[Token]) -> int:
    """How a token changes the nesting in which a semicolon ends no statement."""
    if token.kind == "other":
        return {"(": 1, ")": -1}.get(token.text, 0)
    word = token.text.lower() if token.kind == "word" else ""
    if word not in {"atomic", "case", "end"} or held[0].text.lower() != "create":
        return 0
    before = held[-2].text.lower() if len(held) > 1 else ""
    if word == "atomic":
        return 1 if before == "begin" else 0
    if not any(one.text.lower() == "atomic" for one in held[:200]):
        return 0
    return 1 if word == "case" else -1


def tokens(text: str, lines: Lines) -> Iterator[Token]:
    """All tokens but white space; raises `InvalidSchema` at a quote or comment without end."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:  # every character matches `other`
            break
        kind, end = match.lastgroup or "other", match.end()
        if kind == "block":
            kind, end = "comment", _comment_end(text, place, lines)
        elif kind == "dollar":
            kind, end = "string", _dollar_end(text, match, lines)
        elif kind == "line":
            kind = "comment"
        elif match.group() in {"'", '"'}:
            raise _unclosed("quote", place, lines)
        elif match.group() == "\\":
            found = _META.match(text, place)
            kind, end = "meta", found.end() if found else end
        if kind != "space":
            yield Token(kind, text[place:end], place)
        place = end


def _dollar_end(text: str, opening: re.Match[str], lines: Lines) -> int:
    end = text.find(opening.group(), opening.end())
    if end < 0:
        raise _unclosed("dollar quote", opening.start(), lines)
    return end + len(opening.group())


def _comment_end(text: str, start: int, lines: Lines) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise _unclosed("comment", start, lines)


def _unclosed(what: str, start: int, lines: Lines) -> InvalidSchema:
    line = lines.at(start)[0]
    return InvalidSchema.at(f"line {line}", "syntax", f"The {what} is not closed.")
