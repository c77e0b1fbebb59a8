"""The lines at which the values of a JSON text stand, by JSON pointer, in one pass over its tokens.

For a text that was read already: it is known to be JSON. Read by `checking`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass

from schemas.formats.json.document import token

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass
class _Open:
    """An object or a list that is not closed yet; `at` is the member that comes next."""

    pointer: str
    listed: bool
    at: str = ""
    count: int = 0
    named: bool = False  # of an object: whether the next value's name was read

    @property
    def following(self) -> str:
        """The pointer of the next value."""
        step = str(self.count) if self.listed else self.at
        return f"{self.pointer}/{step}"


def lines_of(text: str, pointers: Collection[str]) -> dict[str, int]:
    """The line of each pointer, from 1; what is not there stands where its nearest parent does."""
    starts = [match.start() for match in re.finditer("\n", text)]
    wanted = {parent for pointer in pointers for parent in _parents(pointer)}
    found = {
        pointer: bisect_right(starts, offset) + 1
        for pointer, offset in _offsets(text, wanted).items()
    }
    return {
        pointer: next((found[one] for one in _parents(pointer) if one in found), 1)
        for pointer in pointers
    }


def _parents(pointer: str) -> list[str]:
    """The pointer itself, then each that it stands in, the whole last."""
    steps = [step for step in pointer.split("/")[1:] if pointer != "/"]
    return ["".join(f"/{step}" for step in steps[:at]) for at in range(len(steps), -1, -1)]


def _offsets(text: str, wanted: Collection[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    stack: list[_Open] = []
    for match in _TOKENS.finditer(text):
        word = match.group()
        top = stack[-1] if stack else None
        if word in "}]":
            stack.pop()
        elif word == ",":
            if top is not None:
                top.count, top.named = top.count + 1, False
        elif word == ":":
            continue
        elif top is not None and not top.listed and not top.named:
            top.at, top.named = token(json.loads(word)), True
        else:
            pointer = top.following if top is not None else ""
            if pointer in wanted:
                found.setdefault(pointer, match.start())
            if word in "{[":
                stack.append(_Open(pointer, word == "["))
    return found
