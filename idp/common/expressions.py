"""CEL expressions (Common Expression Language) with bounds, for gates, rules and blueprints.

The engine has no cost limit and recurses on nesting, so the text is bounded when it is saved and
the facts are bounded when it runs. https://github.com/google/cel-spec/blob/master/doc/langdef.md
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import cel

from idp.common.errors import FieldError, Invalid

MAX_CHARACTERS = 1_000
MAX_MACROS = 2
MAX_DEPTH = 24
MAX_OPERATORS = 150
MAX_NODES = 5_000
MAX_ITEMS = 500
MAX_TEXT = 10_000
MAX_COST = 20_000_000

# The tokens STRING, BYTES and COMMENT of the CEL grammar, where code must not be looked for. In
# raw strings a backslash is a letter like any other.
_TOKENS = re.compile(
    r"""(?P<text>
        [bB]?[rR](?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")
        |[bB]?(?:
            '''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"
            |'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"
        ))
        |//[^\n]*""",
    re.DOTALL | re.VERBOSE,
)
_MACRO = re.compile(
    r"\b(?:all|exists|exists_one|existsOne|map|filter)\s*\([\s(]*(?:([A-Za-z_]\w*)[\s)]*,)?"
)
_OPERATOR = re.compile(r"&&|\|\||[-+*/%!?<>]|==|\bin\b")
# Literals and type names that the engine reports like variables.
_CONSTANTS = frozenset(
    {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
)


@dataclass(frozen=True)
class Expression:
    """A compiled expression. `names` are the facts that it reads."""

    text: str
    names: frozenset[str]
    macros: int
    program: Any = field(repr=False, compare=False)

    def evaluate(self, facts: Mapping[str, Any]) -> Any:
        """The value over the named facts; `Invalid` where one lacks, is too large or misfits."""
        missing = sorted(self.names - facts.keys())
        if missing:
            raise _invalid("fact", f"“{missing[0]}” is not known when “{self.text}” is evaluated.")
        used = {name: facts[name] for name in self.names}
        self._bound(used)
        try:
            return self.program.execute(used)
        except KeyError as error:
            key = error.args[0] if error.args else error
            raise _invalid(
                "evaluation",
                f"“{self.text}” reads “{key}”, which is not there.",
                "Ask with has(…) first.",
            ) from error
        except (RuntimeError, TypeError, ValueError, OverflowError, ArithmeticError) as error:
            raise _invalid(
                "evaluation", f"“{self.text}” cannot be evaluated: {_line(error)}"
            ) from error

    def _bound(self, facts: Mapping[str, Any]) -> None:
        items, text = self.text.count(",") + 1, len(self.text)
        for nodes, (value, depth) in enumerate(_walk(facts)):
            if isinstance(value, (list, tuple, dict)):
                items = max(items, len(value))
            elif isinstance(value, str):
                text = max(text, len(value))
            if nodes > MAX_NODES or items > MAX_ITEMS or text > MAX_TEXT or depth > MAX_DEPTH:
                raise _invalid("size", f"The facts of “{self.text}” are too large to evaluate.")
        joins = self.text.count("+") + 1
        if items**self.macros * text * joins > MAX_COST:
            raise _invalid("size", f"“{self.text}” would take too long over these facts.")


def _line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]


def _invalid(rule: str, message: str, fix: str = "") -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError("expression", rule, message, fix)])


def _walk(value: Any) -> Iterator[tuple[Any, int]]:
    """Every value below, with its depth, without recursion."""
    todo = [(value, 0)]
    while todo:
        here, depth = todo.pop()
        yield here, depth
        if depth > MAX_DEPTH:
            continue
        if isinstance(here, Mapping):
            todo.extend((child, depth + 1) for child in here.values())
        elif isinstance(here, (list, tuple)):
            todo.extend((child, depth + 1) for child in here)


def _depth(bare: str) -> int:
    depth = deepest = 0
    for letter in bare:
        depth += (letter in "([{") - (letter in ")]}")
        deepest = max(deepest, depth)
    return deepest


def _check_bounds(text: str, bare: str, macros: int) -> None:
    if not text.strip():
        raise _invalid("empty", "The expression is empty.", "Write “true” for always.")
    if len(text) > MAX_CHARACTERS:
        raise _invalid(
            "length", f"The expression has {len(text)} characters; {MAX_CHARACTERS} are the most."
        )
    if macros > MAX_MACROS:
        raise _invalid(
            "macros",
            f"The expression has {macros} macros (all, exists, map, filter …);"
            f" {MAX_MACROS} are the most.",
        )
    if _depth(bare) > MAX_DEPTH or len(_OPERATOR.findall(bare)) > MAX_OPERATORS:
        raise _invalid("nesting", "The expression is nested too deeply.", "Split it in two.")


def _code(text: str) -> str:
    """The expression with its strings emptied and its comments blank, so that only code is left."""
    return _TOKENS.sub(lambda token: '""' if token["text"] else " ", text)


def blanked(text: str) -> str:
    """The expression at its length, strings and comments blank: places in it are places there."""
    return _TOKENS.sub(lambda token: ("'" if token["text"] else " ") * len(token[0]), text)


def conjuncts(text: str) -> tuple[str, ...]:
    """The parts that `&&` joins at the top: all of them hold where the whole does.

    The text itself where something weaker than `&&` stands there, too. The text is CEL, as
    `compile` has found.
    """
    bare = blanked(text)
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(bare):
        depth += (letter in "([{") - (letter in ")]}")
        if depth:
            continue
        if letter == "?" or bare.startswith("||", at):
            return (text.strip(),)
        if bare.startswith("&&", at):
            parts.append(text[start:at])
            start = at + 2
    return tuple(part.strip() for part in (*parts, text[start:]))


@lru_cache(maxsize=1_024)
def compile(text: str, names: frozenset[str]) -> Expression:  # noqa: A001 - the field's own word
    """The expression; `Invalid` where it breaks a bound, the syntax, or reads an unknown name."""
    bare = _code(text)
    macros = [match[1] for match in _MACRO.finditer(bare)]
    _check_bounds(text, bare, len(macros))
    try:
        program = cel.compile(text)
    except ValueError as error:
        reason = _line(error).partition("ERROR: ")[2] or _line(error)
        raise _invalid("syntax", f"The expression is not CEL: {reason}") from error
    hidden = sorted(names.intersection(filter(None, macros)))
    if hidden:
        raise _invalid(
            "name", f"“{hidden[0]}” is a known name, so no macro may bind it.", "Choose another."
        )
    read = frozenset(program.variables()) - {name for name in macros if name} - _CONSTANTS
    unknown = sorted(read - names)
    if unknown:
        known = ", ".join(sorted(names)) or "none"
        raise _invalid("name", f"“{unknown[0]}” is not a known name.", f"Known names: {known}.")
    return Expression(text, read, len(macros), program)
