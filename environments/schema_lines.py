"""Schema versions as people edit them: one a line, `orders-value 3 workload=web`.

Names with blanks stand in quotes, as in a shell. Between forms and `environment.yaml`, whose own
rules judge what the lines say.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

KEYS = ("workload", "component", "retentionDays")
_NUMBERS = frozenset({"retentionDays"})
_MOST_DIGITS = 9


class BadLine(ValueError):
    """A line that says nothing, with its number."""


def written(entries: Iterable[Mapping[str, Any]]) -> str:
    """The lines that `read` reads back to the same."""
    return "\n".join(
        shlex.join(
            [
                str(entry["subject"]),
                str(entry["version"]),
                *(f"{key}={entry[key]}" for key in KEYS if key in entry),
            ]
        )
        for entry in entries
    )


def read(text: str) -> list[dict[str, Any]]:
    """The entries of some lines; raises `BadLine`."""
    lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
    return [_entry(line, number) for number, line in lines if line.strip()]


def _entry(line: str, number: int) -> dict[str, Any]:
    try:
        words = shlex.split(line)
    except ValueError:
        raise BadLine(f"Line {number}: what begins with a quote ends with one.") from None
    if len(words) < 2:  # noqa: PLR2004  # subject and version
        raise BadLine(f"Line {number} is not of the form SUBJECT VERSION, like orders-value 3.")
    subject, version, *more = words
    found: dict[str, Any] = {"subject": subject, "version": _number(version, "version", number)}
    for word in more:
        key, sign, value = word.partition("=")
        if not sign or key not in KEYS:
            known = ", ".join(f"{name}=…" for name in KEYS)
            raise BadLine(f"Line {number}: “{word[:60]}” is none of {known}.")
        if key in found:
            raise BadLine(f"Line {number}: {key} stands there twice.")
        found[key] = _number(value, key, number) if key in _NUMBERS else value
    return found


def _number(text: str, what: str, line: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise BadLine(f"Line {line}: the {what} is a number, not “{text[:60]}”.")
    return int(text)
