"""`$[[ inputs.x | truncate(0,8) ]]`: inputs put into a file that has a header.

A text that is nothing but one block takes the input's own type. A file's text is never read anew
with a value in it, so that no value can bring a keyword or a job of its own.

https://docs.gitlab.com/ci/inputs/#specify-functions-to-manipulate-input-values
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.engine.inputs import as_text
from pipelines.engine.problems import Where, error, nearest, short
from pipelines.engine.source import BLOCK, MAX_DEPTH, MAX_NODES, Items, Map, Reference
from pipelines.engine.variables import substitute

MAX_FUNCTIONS = 3
MAX_TEXT = 1_000_000
_ACCESS = re.compile(r"(inputs|component)\.([\w-]+)")
_TRUNCATE = re.compile(r"truncate\(\s*(\d{1,9})\s*,\s*(\d{1,9})\s*\)")
_BARE = re.compile(r"[A-Za-z0-9_\-.,:+/@\n]")
FUNCTIONS = ("expand_vars", "posix_escape", "truncate(0,8)")


class Interpolating:
    """Puts values into a tree; what aliases share stays shared."""

    def __init__(
        self,
        blocks: Sequence[str],
        inputs: Mapping[str, Any],
        component: Mapping[str, str],
        variables: Mapping[str, str],
        masked: frozenset[str] = frozenset(),
    ) -> None:
        self.blocks = blocks
        self.scopes: dict[str, Mapping[str, Any]] = {"inputs": inputs, "component": component}
        self.variables = variables
        self.masked = masked
        self.left = MAX_NODES  # values that may still be made
        self._done: dict[int, tuple[Any, Any]] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._characters = 10 * MAX_TEXT

    def run(self, value: Any, where: Where) -> Any:
        if isinstance(value, str):
            return self._text(value, where) if "\ue000" in value else value
        if not isinstance(value, (Map, Items, Reference)):
            return value
        if id(value) not in self._done:
            self._done[id(value)] = (value, self._copy(value))
        return self._done[id(value)][1]

    def _copy(self, value: Map | Items | Reference) -> Any:
        if isinstance(value, Reference):
            path = tuple(as_text(self.run(part, value.where)) for part in value.path)
            return Reference(path, value.where)
        self._count(len(value) + 1, value.where)
        if isinstance(value, Items):
            items = Items(value.where)
            for one, where in value.pairs():
                items.put(self.run(one, where), where)
            return items
        found = Map(value.where)
        for key, one in value.items():
            where = value.at(key)
            found.put(as_text(self.run(key, where)), self.run(one, where), where)
        return found

    def _count(self, nodes: int, where: Where) -> None:
        self.left -= nodes
        if self.left < 0:
            message = f"Inputs make more than {MAX_NODES} values."
            raise error(where, "size", message, "Use fewer of them.")

    def _placed(self, value: Any, where: Where) -> Any:
        """A list as a value: it counts with all that it holds, and may not be too deep."""
        nodes, height = _size(value, self._sizes)
        self._count(nodes, where)
        if height > MAX_DEPTH:
            message = f"An input is nested more than {MAX_DEPTH} deep."
            raise error(where, "depth", message, "Give flatter lists.")
        return value

    def _text(self, text: str, where: Where) -> Any:
        if len(text) > MAX_TEXT:
            message = f"A text with $[[ … ]] has more than {MAX_TEXT} characters."
            raise error(where, "interpolation", message, "Split it.")
        alone = BLOCK.fullmatch(text)
        if alone:
            return self._placed(self._numbered(alone, where), where)
        found = BLOCK.sub(lambda block: as_text(self._numbered(block, where)), text)
        self._characters -= len(found)
        if len(found) > MAX_TEXT or self._characters < 0:
            message = f"Inputs make a text of more than {MAX_TEXT} characters."
            raise error(where, "interpolation", message, "Use shorter values.")
        return found

    def _numbered(self, found: re.Match[str], where: Where) -> Any:
        """What a block stands for; a number of no block stood there before, as text."""
        number = int(found[1][:9])
        return self._value(self.blocks[number], where) if number < len(self.blocks) else found[0]

    def _value(self, block: str, where: Where) -> Any:
        access, *functions = (part.strip() for part in block.split("|"))
        found = _ACCESS.fullmatch(access)
        if found is None:
            message = f"“$[[ {short(block)} ]]” names no input."
            raise error(where, "interpolation", message, "Write $[[ inputs.NAME ]].")
        scope = self.scopes[found[1]]
        if found[2] not in scope:
            message = f"“{short(access)}” is not declared in the header."
            fix = nearest(found[2], scope) or "Declare it below spec: inputs."
            raise error(where, "interpolation", message, fix)
        if len(functions) > MAX_FUNCTIONS:
            message = f"“$[[ {short(block)} ]]” has more than {MAX_FUNCTIONS} functions."
            raise error(where, "interpolation", message, "Use fewer.")
        value = scope[found[2]]
        for name in functions:
            value = self._applied(name, value, where)
        return value

    def _applied(self, name: str, value: Any, where: Where) -> str:
        if not isinstance(value, str):
            message = f"{short(name)} takes a text; {short(value)} is none."
            raise error(where, "interpolation", message, "Use an input of type string.")
        if name == "expand_vars":
            return self._expanded(value, where)
        if name == "posix_escape":
            return posix_escape(value)
        if cut := _TRUNCATE.fullmatch(name):
            return value[int(cut[1]) : int(cut[1]) + int(cut[2])]
        message = f"“{short(name)}” is no function of inputs."
        fix = nearest(name, FUNCTIONS) or f"Known are {', '.join(FUNCTIONS)}."
        raise error(where, "interpolation", message, fix)

    def _expanded(self, value: str, where: Where) -> str:
        for name in sorted(self.masked):
            if re.search(rf"\$(?:{name}\b|\{{{name}\}})", value):
                message = f"expand_vars would show the masked variable {short(name)}."
                raise error(where, "interpolation", message, "Read it in the script.")
        return substitute(value, self.variables, where)


def posix_escape(text: str) -> str:
    """The text as one word of a POSIX shell."""
    if not text:
        return "''"
    letters = (one if _BARE.fullmatch(one) else f"\\{one}" for one in text)
    return "".join(letters).replace("\n", "'\n'")


def _size(value: Any, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values it holds, aliases as often as they stand, and how many levels."""
    if not isinstance(value, (Map, Items)):
        return 1, 0
    if id(value) not in known:
        below = [_size(one, known) for one in (value.values() if isinstance(value, Map) else value)]
        nodes = 1 + sum(count for count, _ in below)
        known[id(value)] = nodes, 1 + max((height for _, height in below), default=0)
    return known[id(value)]
