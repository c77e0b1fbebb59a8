"""Periods of time in natural language, as the reference has them: `1h 30m`, `3 mins`, `never`.

https://docs.gitlab.com/ci/yaml/#artifactsexpire_in. A number alone is seconds.
"""

from __future__ import annotations

import re
from functools import lru_cache

MAX_CHARACTERS = 200
MAX_SECONDS = 100 * 31_557_600
NEVER = 0  # what `never` and `0` say
_SECOND, _MINUTE, _HOUR, _DAY, _WEEK = 1, 60, 3_600, 86_400, 604_800
_MONTH, _YEAR = 30 * _DAY, 31_557_600
_UNITS = {
    name: seconds
    for seconds, names in (
        (_SECOND, "s sec secs second seconds"),
        (_MINUTE, "m min mins minute minutes"),
        (_HOUR, "h hr hrs hour hours"),
        (_DAY, "d dy dys day days"),
        (_WEEK, "w wk wks week weeks"),
        (_MONTH, "mo mon mos mons mth mths month months"),
        (_YEAR, "y yr yrs year years"),
    )
    for name in names.split()
}
_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty
"""
_NUMBERS = {word: number for number, word in enumerate(_WORDS.split())} | {
    "a": 1,
    "an": 1,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
}
_JOINING = re.compile(r",|\band\b|\bwith\b|\bplus\b")
_PART = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([a-z]+)\s)\s*([a-z]+)?")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+)")


class DurationError(ValueError):
    """The text is no period of time; it says why."""


@lru_cache(maxsize=2_000)
def seconds(text: str) -> int:
    """The period in whole seconds, `NEVER` for `never`; `DurationError` for another text."""
    bare = text.strip().lower()
    if not bare or len(bare) > MAX_CHARACTERS:
        raise DurationError(f"it has no text, or over {MAX_CHARACTERS} characters")
    if bare == "never":
        return NEVER
    if clock := _CLOCK.fullmatch(bare):
        hours, minutes, rest = (int(part or 0) for part in clock.groups())
        return _bounded(hours * _HOUR + minutes * _MINUTE + rest)
    return _bounded(_sum(" ".join(_JOINING.sub(" ", bare).split())))


def _sum(text: str) -> float:
    total, at = 0.0, 0
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    while at < len(text):
        found = _PART.match(text, at)
        unit = _UNITS.get(found[3] or "") if found else None
        if found is None or unit is None or (found[2] and found[2] not in _NUMBERS):
            raise DurationError(f"“{text[at : at + 20].strip()}” is no number with a unit")
        number = float(found[1]) if found[1] else _NUMBERS[found[2]]
        total += number * unit
        at = found.end()
    return total


def _bounded(total: float) -> int:
    if total > MAX_SECONDS:
        raise DurationError("it is longer than a hundred years")
    return int(total)
