"""Equal expressions in equal words: what PostgreSQL prints differently for one and the same thing.

Used by `diff`. White space outside strings says nothing. `x IN ('a', 'b')` on a varchar column is
printed as a cast of the whole array at first and of each element once it was dumped and restored.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.formats.base import Budget, InvalidSchema
from schemas.relational.statements import Lines, tokens

_MANY_WORDS = {"character", "double", "timestamp", "time", "bit", "interval", "national"}
_MORE_WORDS = {"varying", "precision", "with", "without", "time", "zone", "character"}
_OPEN, _CLOSED = {"(", "["}, {")", "]"}


SECONDS = 20.0  # of all texts of one comparison


class Texts:
    """Compares definitions within one budget of time; raises `TooComplex` past it.

    With `types`, casts and brackets are left out: what a changed column type does to a text.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._budget = Budget(seconds)

    def same(self, old: str, new: str, *, types: bool = False) -> bool:
        """Whether two definitions mean the same."""
        return old == new or self.key(old, types=types) == self.key(new, types=types)

    def key(self, text: str, *, types: bool = False) -> str:
        """Equal for texts that are the same."""
        words = self._words(text)
        return " ".join(_loose(words) if types else _arrays(words))

    def _words(self, text: str) -> list[str]:
        """The tokens' texts; a text that is no SQL stands as it is."""
        found = []
        try:
            for one in tokens(text, Lines(text)):
                self._budget.spend()
                found.append("\n".join(lines(one.text)) if one.kind == "string" else one.text)
        except InvalidSchema:
            return [text]
        return found


def lines(text: str) -> list[str]:
    """The lines without their ends, which editors change and nobody means."""
    return [line.rstrip() for line in text.strip().splitlines()]


def _arrays(words: list[str]) -> list[str]:
    """`(ARRAY[a, b])::t[]` as `ARRAY[(a)::t, (b)::t]`, from the innermost outwards."""
    made: list[str] = []
    starts: list[int] = []  # of open round brackets in `made`
    place = 0
    while place < len(words):
        word = words[place]
        made.append(word)
        place += 1
        if word == "(":
            starts.append(len(made) - 1)
        elif word == ")" and starts:
            start = starts.pop()
            kind, after = _array_cast(words, place)
            inside = made[start + 1 : -1] if kind else []
            if inside[:2] == ["ARRAY", "["] and inside[-1] == "]":
                made[start:] = _each_cast(inside[2:-1], kind)
                place = after
    return made


def _array_cast(words: Sequence[str], place: int) -> tuple[list[str], int]:
    """The element type of a `::type[]` that stands at a place, and where it ends."""
    if words[place : place + 1] != ["::"]:
        return [], place
    end = _type_end(words, place + 1)
    if list(words[end - 2 : end]) != ["[", "]"]:
        return [], place
    return list(words[place + 1 : end - 2]), end


def _each_cast(inside: Sequence[str], kind: Sequence[str]) -> list[str]:
    made, depth = ["ARRAY", "[", "("], 0
    for word in inside:
        depth += (word in _OPEN) - (word in _CLOSED)
        if word == "," and depth == 0:
            made += [")", "::", *kind, ",", "("]
        else:
            made.append(word)
    return [*made, ")", "::", *kind, "]"]


def _type_end(words: Sequence[str], place: int) -> int:
    """Where the type's name that begins at a place ends, with its modifiers."""
    many = words[place] in _MANY_WORDS if place < len(words) else False
    place += 1
    while place + 1 < len(words) and words[place] == ".":
        place += 2
    while many and place < len(words) and words[place] in _MORE_WORDS:
        place += 1
    if words[place : place + 1] == ["("]:
        while place < len(words) and words[place] != ")":
            place += 1
        place += 1
    while many and place < len(words) and words[place] in _MORE_WORDS:
        place += 1
    while list(words[place : place + 2]) == ["[", "]"]:
        place += 2
    return place


def _loose(words: Sequence[str]) -> list[str]:
    made: list[str] = []
    place = 0
    while place < len(words):
        if words[place] == "::":
            place = _type_end(words, place + 1)
            continue
        if words[place] not in {"(", ")"}:
            made.append(words[place])
        place += 1
    return made
