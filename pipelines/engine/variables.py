"""Variables: how they are written, which value wins, and how values expand into each other.

https://docs.gitlab.com/ci/variables/#cicd-variable-precedence
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.engine.problems import Where, error, short
from pipelines.engine.source import Items, Map

_REFERENCE = re.compile(r"\$\$|\$(\w+)|\$\{(\w+)\}|%%|%(\w+)%")
_NAME = re.compile(r"\w+")
_KEYS = frozenset({"value", "description", "expand", "options"})
MAX_VARIABLES = 1_000  # of one job, or of the file
MAX_EXPANDED = 1_000_000  # characters, of all values together


@dataclass(frozen=True, slots=True)
class Variable:
    value: str
    where: Where
    expand: bool = True
    description: str = ""
    options: tuple[str, ...] = ()
    file: bool = False  # the job gets the path of a file that holds the value
    masked: bool = False  # its value is taken out of logs


def text_of(value: Any) -> str | None:
    """A scalar as the shell sees it; None for what is no scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return str(value) if isinstance(value, (str, int, float)) else None


def read_variables(given: Any, owner: str, where: Where) -> dict[str, Variable]:
    """What stands below a `variables` keyword; `ConfigError` names the one that is wrong."""
    if given is None:
        return {}
    if not isinstance(given, Map):
        message = f"variables of {owner} takes a map of names and values."
        raise error(where, "variables", message, "Write NAME: value.")
    if len(given) > MAX_VARIABLES:
        message = f"{owner} has more than {MAX_VARIABLES} variables."
        raise error(where, "variables", message, "Put some into a file.")
    return {name: _variable(name, value, owner, given.at(name)) for name, value in given.items()}


def _variable(name: str, value: Any, owner: str, where: Where) -> Variable:
    if not _NAME.fullmatch(name):
        message = f"“{short(name)}” in {owner} is no name of a variable."
        raise error(where, "variables", message, "Use letters, digits and underscores.")
    if not isinstance(value, Map):
        text = text_of(value)
        if text is None:
            message = f"The variable {short(name)} of {owner} is no text or number."
            raise error(where, "variables", message, "Quote it.")
        return Variable(text, where)
    unknown = sorted(value.keys() - _KEYS)
    if unknown:
        message = f"The variable {short(name)} of {owner} has an unknown key “{short(unknown[0])}”."
        raise error(
            value.at(unknown[0]), "variables", message, f"Known are {', '.join(sorted(_KEYS))}."
        )
    text, options = text_of(value.get("value")), value.get("options")
    listed = tuple(map(str, options)) if isinstance(options, Items) else ()
    if text is None:
        raise error(where, "variables", f"The value of {short(name)} is no text.", "Quote it.")
    if listed and text not in listed:
        message = f"The value of {short(name)} is none of its options."
        raise error(where, "variables", message, f"Options are {', '.join(listed[:10])}.")
    return Variable(
        text, where, value.get("expand") is not False, str(value.get("description") or ""), listed
    )


def references(text: str) -> list[str]:
    """The names that a value refers to."""
    return [name for found in _REFERENCE.finditer(text) if (name := _named(found))]


def _named(found: re.Match[str]) -> str:
    return found[1] or found[2] or found[3] or ""


def substitute(text: str, values: Mapping[str, str], where: Where) -> str:
    """The text with known names replaced; unknown ones, and `$$`, stay as they are."""
    if not _refers(text):
        return text
    if len(text) + sum(len(values.get(name, "")) for name in references(text)) > MAX_EXPANDED:
        message = f"A value grows over {MAX_EXPANDED} characters when its variables are put in."
        raise error(where, "variables", message, "Nest fewer of them.")

    def put(found: re.Match[str]) -> str:
        name = _named(found)
        return values.get(name, found[0]) if name else found[0]

    return _REFERENCE.sub(put, text)


def cycle_in(variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """The names of a circle of values that refer to each other; empty when there is none."""
    return _ordered(variables)[1]


def expand(variables: Mapping[str, Variable]) -> dict[str, str]:
    """All values, nested references put in. Where they run in a circle, all stay unexpanded."""
    done = {name: variable.value for name, variable in variables.items()}
    growing = {name: one for name, one in variables.items() if one.expand and _refers(one.value)}
    if not growing:
        return done
    order, circle = _ordered(growing)
    if circle:
        return done
    length = sum(map(len, done.values()))
    for name in order:
        variable = growing[name]
        done[name] = substitute(variable.value, done, variable.where)
        length += len(done[name])
        if length > MAX_EXPANDED:
            message = f"The variable {short(name)} grows over {MAX_EXPANDED} characters."
            raise error(variable.where, "variables", message, "Nest fewer of them.")
    return done


def _refers(text: str) -> bool:
    return "$" in text or "%" in text


def _ordered(variables: Mapping[str, Variable]) -> tuple[list[str], tuple[str, ...]]:
    """The names, those referred to first; and a circle where there is one."""
    order: list[str] = []
    state: dict[str, int] = {}  # 1: being looked at, 2: done
    for start in variables:
        if start in state:
            continue
        state[start] = 1
        trail = [(start, _needed(variables, start))]
        while trail:
            name, waiting = trail[-1]
            if not waiting:
                trail.pop()
                state[name] = 2
                order.append(name)
                continue
            other = waiting.pop()
            if state.get(other) == 1:
                names = [one for one, _ in trail]
                return order, (*names[names.index(other) :], other)
            if other not in state:
                state[other] = 1
                trail.append((other, _needed(variables, other)))
    return order, ()


def _needed(variables: Mapping[str, Variable], name: str) -> list[str]:
    variable = variables[name]
    if not variable.expand:
        return []
    return [other for other in references(variable.value) if other in variables]
