"""The lint of a migration's SQL: locks, rewrites, lost data, broken code, each with line and fix.

Called by services, the gate and `slipway schemas check`. Squawk finds most of it; `risks` finds
what squawk does not look for. pglast was judged too: it parses in this process, where a long
expression overflows the stack and ends the worker, and its licence is not ours. A finding is
acknowledged by a comment of its own on the line above: `-- slipway: allow RULE reason`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational.differences import Risk as Change
from schemas.relational.model import Model, path, quoted
from schemas.relational.risks import (
    Risk,
    State,
    action_at,
    column_at,
    new_type,
    risks,
    subjects,
)
from schemas.relational.rules import LEFT_OUT, OF_ANY, RULES, Level, Rule
from schemas.relational.squawk import Squawked, squawk
from schemas.relational.statements import Lines, Statement, statements
from schemas.relational.tables import type_risk

MAX_MIGRATION = 200_000  # characters of one migration
MAX_STATEMENTS = 5_000
SERVER = 150000  # taken where nobody says which release the target is
_SHOWN = 120  # characters of a statement
_ALLOW = re.compile(r"--\s*slipway:\s*allow\s+([\w-]+)[ \t]*(.*)", re.IGNORECASE)
_SHORT = {
    "int": "integer",
    "int4": "integer",
    "int8": "bigint",
    "int2": "smallint",
    "decimal": "numeric",
}


@dataclass(frozen=True)
class Finding:
    """`touches` is the object's path, as models write it; `acknowledged` the reason given."""

    rule: str
    level: Level
    line: int
    column: int
    sentence: str
    fix: str
    touches: str = ""
    acknowledged: str = ""
    statement: str = ""  # its beginning, on one line
    readers: str = ""  # who declared that they read what it touches; services fill it

    @property
    def refuses(self) -> bool:
        """Whether it closes the gate."""
        return self.level is Level.ERROR and not self.acknowledged


def lint(
    sql: str, *, server: int = SERVER, in_transaction: bool = False, model: Model | None = None
) -> tuple[Finding, ...]:
    """The findings in order of their places.

    `in_transaction` says that the migration tool opens one itself; with the target's `model`, a
    change of type is judged by the type that is there. Raises `InvalidSchema` or `TooComplex`.
    """
    if len(sql) > MAX_MIGRATION:
        raise TooComplex(f"The migration has more than {MAX_MIGRATION} characters.")
    text = _Text(sql)
    found = list(text.own(State(server, in_transaction)))
    found += text.squawked(squawk(sql, server=server, in_transaction=in_transaction), model)
    found = _acknowledged(set(found), text)
    return tuple(sorted(found, key=lambda one: (one.line, one.column, one.rule, one.touches)))


class _Text:
    """A migration with its statements, and which tables each of them finds newly created."""

    def __init__(self, sql: str) -> None:
        self.sql, self.lines = sql, Lines(sql)
        self.all = list(statements(sql))
        if len(self.all) > MAX_STATEMENTS:
            raise TooComplex(f"The migration has more than {MAX_STATEMENTS} statements.")
        for one in self.all:
            if one.tokens and one.tokens[0].kind == "meta":
                raise InvalidSchema.at(f"line {one.line}", "sql", "A command of psql is no SQL.")
        self.statements = [one for one in self.all if one.tokens]
        self._starts = [one.start for one in self.statements]
        self._state = State(0, in_transaction=False)

    def own(self, state: State) -> Iterator[Finding]:
        """What our own rules find; learns which tables are new on the way."""
        self._state = state
        for one in self.statements:
            for risk in risks(one, state):
                if risk.rule in OF_ANY or not state.is_new(risk.of, one.start):
                    yield self._finding(RULES[risk.rule], risk)
            state.after(one)

    def squawked(self, found: list[Squawked], model: Model | None) -> Iterator[Finding]:
        placed = [(one, *self._place(one)) for one in found if one.rule not in LEFT_OUT]
        told = {_action(s, start) for one, s, start in placed if one.rule in _CONSTRAINTS}
        for one, statement, start in placed:
            if one.rule == _ANY_CONSTRAINT and _action(statement, start) in told:
                continue
            for risk in self._risks(one, statement, start):
                finding = self._finding(RULES.get(one.rule) or _unknown(one), risk)
                if one.rule == "syntax-error":
                    said = f"{finding.sentence} {one.message[:200]}"
                    yield replace(finding, sentence=said)
                elif one.rule == "changing-column-type" and statement and model:
                    yield from _by_type(finding, new_type(statement, start), model)
                else:
                    yield finding

    def _place(self, one: Squawked) -> tuple[Statement | None, int]:
        offset = self.offset(one.line, one.column)
        statement = self.statement_at(offset)
        return statement, max(offset, statement.start if statement else 0)

    def _risks(self, one: Squawked, statement: Statement | None, start: int) -> Iterator[Risk]:
        """One for each object, but for those of tables that the text itself creates."""
        if statement is None:
            yield Risk(one.rule, start)
            return
        column = column_at(statement, start)
        several = one.rule.startswith("ban-drop-") and not column
        for of in subjects(statement)[: None if several else 1] or [""]:
            if one.rule in OF_ANY or not self._state.is_new(of, statement.start):
                yield Risk(one.rule, start, of, column)

    def offset(self, line: int, column: int) -> int:
        return self.lines.start(line) + column - 1

    def statement_at(self, offset: int) -> Statement | None:
        place = bisect_right(self._starts, offset) - 1
        return self.statements[max(0, place)] if self.statements else None

    def _finding(self, rule: Rule, risk: Risk) -> Finding:
        line, column = self.lines.at(risk.start)
        said = rule.sentence.replace("{of}", _named(risk.path)).replace("{table}", _named(risk.of))
        statement = self.statement_at(risk.start)
        text = " ".join(statement.text[: 4 * _SHOWN].split())[:_SHOWN] if statement else ""
        return Finding(
            rule.name, rule.level, line, column, said, rule.fix, risk.path, statement=text
        )


_ANY_CONSTRAINT = "constraint-missing-not-valid"
_CONSTRAINTS = {  # rules that say the same more exactly
    "adding-foreign-key-constraint",
    "disallowed-unique-constraint",
    "adding-serial-primary-key-field",
}


def _action(statement: Statement | None, start: int) -> int:
    """What tells one action of an ALTER TABLE from the others: where it begins."""
    held = action_at(statement, start) if statement else ()
    return held[0].start if held else -1


def _named(name: str) -> str:
    return f"`{name}`" if name else "the object"


def _unknown(one: Squawked) -> Rule:
    """A rule of a newer squawk, in its own words."""
    return Rule(one.rule, Level.WARNING, one.message[:300], "")


def _by_type(finding: Finding, new: str, model: Model) -> Iterator[Finding]:
    """The finding, unless the column's old type makes the change free."""
    old = _column_type(finding.touches, model)
    first, *rest = re.split(r"(?=[ (])", new, maxsplit=1)
    full = _SHORT.get(first, first.replace("varchar", "character varying")) + "".join(rest)
    if not old:
        yield finding
    elif type_risk(old, full) is not Change.HARMLESS and old != full:
        said = f"{finding.sentence[:-1]}: it is `{old}` and becomes `{full}`."
        yield replace(finding, sentence=said)


def _column_type(place: str, model: Model) -> str:
    for table in model.tables:
        at = path(table.schema, table.name)
        if place.startswith(f"{at}."):
            for column in table.columns:
                if place == f"{at}.{quoted(column.name)}":
                    return column.type
    return ""


@dataclass(frozen=True)
class _Allowed:
    rule: str
    reason: str
    line: int
    covers: int  # the first line below that is no acknowledgement


def _acknowledgements(text: _Text) -> list[_Allowed]:
    """The comments that stand alone on their lines and acknowledge a rule."""
    given: dict[int, tuple[str, str]] = {}
    for statement in text.all:
        for comment in statement.comments:
            match = _ALLOW.match(comment.text)
            line, column = text.lines.at(comment.start)
            before = text.sql[comment.start - column + 1 : comment.start]
            if match and not before.strip():
                given[line] = (match[1].lower(), match[2].strip())
    allowed: list[_Allowed] = []
    covers = 0
    for line in sorted(given, reverse=True):  # from below, so that a run of them covers one line
        covers = covers if line + 1 in given else line + 1
        allowed.append(_Allowed(*given[line], line, covers))
    return allowed


def _acknowledged(found: set[Finding], text: _Text) -> list[Finding]:
    """The findings with the reasons given for them, and what is wrong with acknowledgements."""
    allowed = {(one.covers, one.rule): one for one in _acknowledgements(text)}
    made, used = [], set()
    for finding in found:
        statement = text.statement_at(text.offset(finding.line, finding.column))
        for line in (finding.line, statement.line if statement else 0):
            one = allowed.get((line, finding.rule))
            if one is not None:
                used.add(one)
                finding = replace(finding, acknowledged=one.reason)  # noqa: PLW2901  # the same one, with its reason
        made.append(finding)
    for one in allowed.values():
        if not one.reason:
            made.append(_about(one, "acknowledgement-without-reason"))
        elif one not in used:
            made.append(_about(one, "acknowledgement-unused"))
    return made


def _about(one: _Allowed, rule: str) -> Finding:
    said = RULES[rule]
    return Finding(rule, said.level, one.line, 1, said.sentence, said.fix)
