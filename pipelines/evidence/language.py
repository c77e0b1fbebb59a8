"""What a rule's condition may say: CEL over facts, judged before it is saved.

Each fact is read by its whole name (`tests.failed`); nothing reads a group as a value, so that a
clause's facts are those that stand in its text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from idp.common import expressions
from idp.common.errors import FieldError, Invalid
from idp.common.expressions import Expression
from pipelines.evidence import registry
from pipelines.evidence.registry import Type, Unknown, Value

FIELD = "condition"
MAX_CLAUSES = 20
_WORD = re.compile(r"(\.\s*)?\b([A-Za-z_]\w*)(?:\s*\.\s*([A-Za-z_]\w*))?")
_HAS = re.compile(r"\bhas\s*\(")
_SIDE = r"'+|\d[\d.]*(?:[eE][-+]?\d+)?|true|false|null"
_PATH = r"[A-Za-z_]\w*\s*\.\s*[A-Za-z_]\w*"
_COMPARED = re.compile(
    rf"(?<![\w.)\]])(?P<fact>{_PATH})\s*(?:[=!<>]=|[<>])\s*-?\s*(?P<right>{_SIDE})(?![\w.(])"
    rf"|(?<![\w.)\]])(?P<left>{_SIDE})\s*(?:[=!<>]=|[<>])\s*(?P<other>{_PATH})(?!\s*[\w.(])"
)
_FLAGS = {"true": Type.FLAG, "false": Type.FLAG}


@dataclass(frozen=True)
class Part:
    """A clause: its text, compiled, and the facts that it reads, in their order."""

    text: str
    expression: Expression
    facts: tuple[str, ...]

    def judge(self, known: Mapping[str, Value | Unknown]) -> bool | None:
        """Whether it holds; None where a fact that decides is unknown; `Invalid` for a misfit."""
        values: dict[str, dict[str, Value]] = {registry.group_of(name): {} for name in self.facts}
        for name in self.facts:
            value = known[name]
            if not isinstance(value, Unknown):
                group, _, word = name.partition(".")
                values[group][word] = value
        try:
            answer = self.expression.evaluate(values)
        except Invalid:
            if any(isinstance(known[name], Unknown) for name in self.facts):
                return None
            raise
        if not isinstance(answer, bool):
            raise _wrong("type", f"“{self.text}” is {_kind(answer)}, not true or false.", _COMPARE)
        return answer


_COMPARE = "Compare it with something: tests.failed == 0."


def parts(text: str) -> tuple[Part, ...]:
    """The clauses of a condition; raises `Invalid` with the field, the place and the fix."""
    return _parts(text, frozenset(registry.names()))


@lru_cache(maxsize=512)
def _parts(text: str, names: frozenset[str]) -> tuple[Part, ...]:
    groups = registry.groups()
    try:
        _check_words(text, names, groups)
        expressions.compile(text, groups)
        clauses = expressions.conjuncts(text)
        if len(clauses) > MAX_CLAUSES:
            message = f"It has {len(clauses)} clauses; {MAX_CLAUSES} are the most."
            raise _wrong("length", message, "Make two rules of it.")
        found = tuple(
            Part(one, expressions.compile(one, groups), _facts(one, names)) for one in clauses
        )
        for part in found:
            part.judge({name: registry.fact(name).example for name in part.facts})
    except Invalid as error:
        raise _placed(error) from error
    return found


def _placed(error: Invalid) -> Invalid:
    """The kernel's refusal of an expression, by the name of this field."""
    found = [FieldError(FIELD, one.rule, one.message, one.fix) for one in error.errors]
    return Invalid(error.message, fix=error.fix, errors=found)


def _wrong(rule: str, message: str, fix: str = "") -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(FIELD, rule, message, fix)])


def _facts(text: str, names: frozenset[str]) -> tuple[str, ...]:
    words = _WORD.finditer(expressions.blanked(text))
    read = (f"{word[2]}.{word[3]}" for word in words if not word[1])
    return tuple(dict.fromkeys(name for name in read if name in names))


def _check_words(text: str, names: frozenset[str], groups: frozenset[str]) -> None:
    """Each group is read by a known member; what is compared with a literal is of its type."""
    bare = expressions.blanked(text[: expressions.MAX_CHARACTERS + 1])
    if not all(letter.isprintable() or letter in "\n\r\t" for letter in text):
        raise _wrong("form", "It holds a control character.", "Write \\u0000 in its place.")
    if has := _HAS.search(bare):
        fix = "Leave it out: a fact that is not known blocks by itself."
        raise _wrong("name", f"has(…) {_place(text, has.start())} asks nothing here.", fix)
    for word in _WORD.finditer(bare):
        if not word[1] and word[2] in groups:
            name = f"{word[2]}.{word[3] or ''}"
            if name not in names:
                raise _unknown(name, _place(text, word.start(2)), names)
        elif not word[1] and word[3] and bare[word.end() :].lstrip()[:1] != "(":
            name = f"{word[2]}.{word[3]}"
            if _near(name, names):
                raise _unknown(name, _place(text, word.start(2)), names)
    for found in _COMPARED.finditer(bare):
        _check_types(text, found, names)


def _unknown(name: str, place: str, names: frozenset[str]) -> Invalid:
    if name.endswith("."):
        some = ", ".join(sorted(one for one in names if one.startswith(name))[:6])
        message = f"“{name[:-1]}” {place} is a group of facts, no value."
        return _wrong("name", message, f"Name one of it: {some}.")
    near = _near(name, names)
    fix = f"Did you mean {near}?" if near else "The catalogue beside the field has all facts."
    return _wrong("name", f"“{name[:80]}” {place} is no known fact.", fix)


def _near(name: str, names: frozenset[str]) -> str:
    found = difflib.get_close_matches(name[:80], sorted(names), n=1, cutoff=0.6)
    return found[0] if found else ""


def _check_types(text: str, found: re.Match[str], names: frozenset[str]) -> None:
    name = re.sub(r"\s", "", found["fact"] or found["other"])
    literal = found["right"] or found["left"]
    if name not in names:
        return
    fact = registry.fact(name)
    given = Type.TEXT if literal.startswith("'") else _FLAGS.get(literal, Type.NUMBER)
    if literal == "null" or given is not fact.type:
        said = "null" if literal == "null" else f"a {given}" if given is not Type.FLAG else literal
        message = f"{name} {_place(text, found.start())} is a {fact.type}, never {said}."
        if fact.type is Type.FLAG:
            message = message.replace("is a true or false", "is true or false")
        raise _wrong("type", message, f"As in {name} == {_written(fact.example)}.")


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _place(text: str, at: int) -> str:
    """“at line 1, column 9”, counted as editors do."""
    line = text.count("\n", 0, at) + 1
    return f"at line {line}, column {at - (text.rfind(chr(10), 0, at) + 1) + 1}"


def _kind(value: Any) -> str:
    return {int: "a number", float: "a number", str: "text"}.get(type(value), "a list or map")
