"""Our own rules of the migration lint, over the words of each statement; called by `lint`.

They find what squawk does not look for, and name the object that a statement is about. Words are
enough for that: a statement that was written to be misread hurts its author's own database only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from schemas.relational.model import quoted
from schemas.relational.statements import Statement, Token

_ENUM_IN_TRANSACTION = 120000  # from this release on ADD VALUE may run in a transaction
_SERIALS = {"serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"}
_NOISE = {"if", "not", "exists", "only", "concurrently", "table", "column", "unique", "index"}
_NOISE |= {"materialized", "view", "function", "procedure", "type", "domain", "sequence", "schema"}
_NOISE |= {"constraint", "temporary", "temp", "unlogged", "local", "global", "full", "analyze"}
_NOISE |= {"verbose", "freeze", "recursive", "system", "database", "partition", "cascade"}
_REWRITES = ("logged", "unlogged", "tablespace", "access")


@dataclass(frozen=True)
class Risk:
    rule: str
    start: int  # offset into the whole text
    of: str = ""  # the object that the statement is about, as `orders`
    column: str = ""  # of it, where one is touched

    @property
    def path(self) -> str:
        return f"{self.of}.{self.column}" if self.column else self.of


@dataclass
class State:
    """What earlier statements of the text did."""

    server: int
    in_transaction: bool
    created: dict[str, int] = field(default_factory=dict)  # tables, and where

    def is_new(self, table: str, start: int) -> bool:
        """Whether a statement at an offset finds a table that the text itself created."""
        return self.created.get(table, start) < start

    def after(self, statement: Statement) -> None:
        words = statement.words
        if words[0] in {"begin", "start"}:
            self.in_transaction = True
        elif words[0] in {"commit", "end", "rollback", "abort"} and "to" not in words[:3]:
            self.in_transaction = False
        elif words[0] == "create" and "table" in words[:4] and "exists" not in words[:8]:
            self.created.setdefault(subject(statement), statement.start)


def name_at(tokens: tuple[Token, ...], place: int) -> tuple[str, int]:
    """The dotted name that begins at a place, and where it ends; the schema `public` goes."""
    parts: list[str] = []
    while place < len(tokens) and tokens[place].kind in {"word", "quoted"}:
        parts.append(tokens[place].name)
        place += 1
        if place >= len(tokens) or tokens[place].text != ".":
            break
        place += 1
    kept = parts[1:] if len(parts) > 1 and parts[0] == "public" else parts
    return ".".join(quoted(part) for part in kept), place


def _skipped(tokens: tuple[Token, ...], place: int) -> int:
    """The place of the next word that is no key word of a statement's head."""
    while place < len(tokens) and tokens[place].kind == "word":
        if tokens[place].text.lower() not in _NOISE:
            break
        place += 1
    return place


def subject(statement: Statement) -> str:
    """The first object that a statement is about: an index's table, a dropped table."""
    return next(iter(subjects(statement)), "")


def subjects(statement: Statement) -> list[str]:
    """All objects that a statement is about, as `DROP TABLE a, b` names them."""
    tokens, place = statement.tokens, _subject_place(statement)
    found: list[str] = []
    while place < len(tokens):
        name, place = name_at(tokens, place)
        found += [name] if name else []
        if place < len(tokens) and tokens[place].text == "(":  # a function's arguments
            place = _closing(tokens, place) + 1
        if not name or place >= len(tokens) or tokens[place].text != ",":
            break
        place += 1
    return found


def _subject_place(statement: Statement) -> int:
    words, tokens = statement.words, statement.tokens
    for opening, word in (("create", "on"), ("delete", "from"), ("comment", "on")):
        if words[:1] == (opening,) and word in words and (opening != "create" or _index(words)):
            return _skipped(tokens, words.index(word) + 1)
    place = _skipped(tokens, 1)
    if tokens[place : place + 1] and tokens[place].text == "(":  # VACUUM (FULL) orders
        place = _skipped(tokens, _closing(tokens, place) + 1)
    return place


def _index(words: tuple[str, ...]) -> bool:
    return "index" in words[:3] or "trigger" in words[:4] or "policy" in words[:3]


def _closing(tokens: tuple[Token, ...], place: int) -> int:
    depth = 0
    for number in range(place, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[number].text, 0)
        if depth == 0:
            return number
    return len(tokens) - 1


def column_at(statement: Statement, offset: int) -> str:
    """The column that the action of an ALTER TABLE at an offset drops, alters or renames."""
    part = action_at(statement, offset)
    words = tuple(one.text.lower() for one in part)
    if words[:1] not in {("drop",), ("alter",), ("rename",)} or "constraint" in words[:2]:
        return ""
    column = name_at(part, _skipped(part, 1))[0]
    return "" if words[:2] == ("rename", "to") else column


def action_at(statement: Statement, offset: int) -> tuple[Token, ...]:
    """The action of an ALTER TABLE that holds an offset; nothing for other statements."""
    if statement.words[:2] != ("alter", "table"):
        return ()
    place = bisect_right(statement.parts, offset, key=lambda part: part[0].start) - 1
    part = statement.parts[max(0, place)]
    if place > 0:
        return part
    return part[name_at(part, _skipped(part, 1))[1] :]


def new_type(statement: Statement, offset: int) -> str:
    """The type that ALTER COLUMN … TYPE gives, in the statement's own words."""
    words = [one.text.lower() for one in action_at(statement, offset)]
    if "type" not in words:
        return ""
    rest = words[words.index("type") + 1 :]
    end = next((n for n, word in enumerate(rest) if word in {"using", "collate"}), len(rest))
    return " ".join(rest[:end]).replace(" ( ", "(").replace(" )", ")").replace(" , ", ",")


def risks(statement: Statement, state: State) -> Iterator[Risk]:
    """Our own findings in one statement, given what came before it."""
    of = subject(statement)
    for rule in _rules_of(statement.words, state):
        yield Risk(rule, statement.start, of)
    if statement.words[0] == "truncate":
        for one in subjects(statement):
            yield Risk("truncate-table", statement.start, one)
    if statement.words[:2] == ("alter", "table"):
        yield from _of_parts(statement, of)


def _rules_of(words: tuple[str, ...], state: State) -> Iterator[str]:
    """The rules that a statement as a whole breaks."""
    whole = _of_whole(words)
    if whole:
        yield whole
    if state.in_transaction and "concurrently" in words[:5] + words[-1:]:
        yield "concurrently-in-transaction"
    enum = words[:2] == ("alter", "type") and {"add", "value"} <= set(words)
    if enum and state.in_transaction and state.server < _ENUM_IN_TRANSACTION:
        yield "enum-value-in-transaction"
    drops = words[0] == "drop" or words[:2] == ("alter", "table")
    if drops and "cascade" in words and not {"delete", "update"} & set(words):  # ON DELETE CASCADE
        yield "drop-cascade"


def _of_whole(words: tuple[str, ...]) -> str:
    """The rule that a statement as a whole breaks, or nothing."""
    first = words[0]
    if first in {"delete", "update"}:
        return "" if "where" in words else f"{first}-without-where"
    if first == "vacuum":
        return "vacuum-full" if "full" in words else ""
    if first == "refresh":
        return "" if "concurrently" in words else "refresh-without-concurrently"
    named = {"cluster": "cluster-table", "lock": "lock-table"}
    return (named | {"do": "unseen-code", "call": "unseen-code"}).get(first, "")


def _of_parts(statement: Statement, of: str) -> Iterator[Risk]:
    tokens, words = statement.tokens, statement.words
    for place, word in enumerate(words[:-1]):
        if word == "set" and words[place + 1] in _REWRITES:
            yield Risk("table-rewrite", tokens[place].start, of)
        if word == "add":
            _, after = name_at(tokens, _skipped(tokens, place + 1))
            if words[after : after + 1] and words[after] in _SERIALS:
                yield Risk("adding-serial", tokens[place].start, of)
