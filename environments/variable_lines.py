"""Variables as people edit them: one a line, NAME=value.

As in `.env` files a value may stand in double quotes, by JSON's rules; it must where it has several
lines, begins with a quote, or has blanks at an end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

_FIRST_PRINTABLE = " "


class BadLine(ValueError):
    """A line that says nothing, with its number."""


def written(variables: Mapping[str, str]) -> str:
    """The lines that `read` reads back to the same."""
    return "\n".join(f"{name}={_quoted(value)}" for name, value in variables.items())


def read(text: str) -> dict[str, str]:
    """The variables of some lines; raises `BadLine`. Line ends are browsers' or Unix's."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        name, sign, value = line.partition("=")
        name = name.strip()
        if not sign:
            raise BadLine(f"Line {number} is not of the form NAME=value.")
        if name in found:
            raise BadLine(f"Line {number}: {name} stands there twice.")
        found[name] = _unquoted(value, number, name)
    return found


def _quoted(value: str) -> str:
    plain = value == value.strip() and not value.startswith('"')
    if plain and all(sign >= _FIRST_PRINTABLE for sign in value):
        return value
    return json.dumps(value, ensure_ascii=False)


def _unquoted(value: str, number: int, name: str) -> str:
    if not value.startswith('"'):
        return value
    try:
        found = json.loads(value, strict=False)
    except ValueError:
        found = None
    if not isinstance(found, str):
        shape = f'{name}="one\\ntwo"'
        raise BadLine(f"Line {number}: what begins with a quote ends with one, like {shape}.")
    return found
