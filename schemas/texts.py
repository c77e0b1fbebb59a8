"""Schema texts as people read them: laid out over lines, and two of them side by side.

Under `schemas.reviewing` and the pages; knows no rows. Layout keeps every token as it was written.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.formats.base import FormatName

MAX_SHOWN = 120_000  # characters of one text on a page
MAX_LAID_OUT = 400_000  # deep nesting makes a text many times longer: then it stays as it is
MAX_ALIGNED = 800  # lines between the first and the last change: aligning takes their square
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+|"')
_EMPTY = {"{": "}", "[": "]"}
_OPENERS = {end: start for start, end in _EMPTY.items()}


def readable(name: FormatName, text: str) -> str:
    """The text over lines, each member on its own; Protobuf and YAML stand over lines already."""
    if name in {FormatName.AVRO, FormatName.JSON} or text.lstrip().startswith("{"):
        return _laid_out(text)
    return text


def _laid_out(text: str) -> str:
    parts = _TOKEN.findall(text)
    lines: list[str] = []
    size, depth, line = 0, 0, ""
    for at, part in enumerate(parts):
        following = parts[at + 1] if at + 1 < len(parts) else ""
        closing = part in _OPENERS
        if closing and not line.endswith(_OPENERS[part]):
            size += len(line)
            lines.append(line)
            line = "  " * (depth - 1)
        depth += (part in _EMPTY) - closing
        line += f"{part} " if part == ":" else part
        if part == "," or (part in _EMPTY and _EMPTY[part] != following):
            size += len(line)
            lines.append(line)
            line = "  " * depth
        if size > MAX_LAID_OUT or depth < 0:
            return text
    return "\n".join([*lines, line])


@dataclass(frozen=True)
class Line:
    """A row of two texts side by side; a number of 0 stands for no line on that side."""

    kind: str  # same, changed, removed or added
    old_number: int = 0
    old: str = ""
    new_number: int = 0
    new: str = ""


def side_by_side(old: str, new: str) -> list[Line]:
    """Both texts line by line; equal heads and tails are set aside before aligning the rest."""
    left, right = old[:MAX_SHOWN].splitlines(), new[:MAX_SHOWN].splitlines()
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    found = [Line("same", at + 1, text, at + 1, text) for at, text in enumerate(left[:head])]
    found += _middle(left[head : len(left) - tail], right[head : len(right) - tail], head)
    found += [
        Line("same", len(left) - tail + at + 1, text, len(right) - tail + at + 1, text)
        for at, text in enumerate(left[len(left) - tail :])
    ]
    return found


def _common(left: list[str], right: list[str]) -> int:
    shortest = min(len(left), len(right))
    return next((at for at in range(shortest) if left[at] != right[at]), shortest)


def _middle(left: list[str], right: list[str], offset: int) -> Iterator[Line]:
    if max(len(left), len(right)) > MAX_ALIGNED:
        yield from _replaced(left, right, offset, offset)
        return
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    for _, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        old, new = left[old_from:old_to], right[new_from:new_to]
        if old == new:
            for at, text in enumerate(old):
                yield Line(
                    "same", offset + old_from + at + 1, text, offset + new_from + at + 1, text
                )
        else:
            yield from _replaced(old, new, offset + old_from, offset + new_from)


def _replaced(old: list[str], new: list[str], old_at: int, new_at: int) -> Iterator[Line]:
    both = min(len(old), len(new))
    for at in range(both):
        yield Line("changed", old_at + at + 1, old[at], new_at + at + 1, new[at])
    for at in range(both, len(old)):
        yield Line("removed", old_at + at + 1, old[at])
    for at in range(both, len(new)):
        yield Line("added", 0, "", new_at + at + 1, new[at])


def folded(lines: list[Line], around: int = 3) -> list[Line]:
    """Only what changed with `around` lines about it; a line of kind `gap` for what is left out."""
    near = {
        place
        for at, line in enumerate(lines)
        if line.kind != "same"
        for place in range(at - around, at + around + 1)
    }
    found: list[Line] = []
    for at, line in enumerate(lines):
        if at in near:
            found.append(line)
        elif not found or found[-1].kind != "gap":
            found.append(Line("gap"))
    return found
