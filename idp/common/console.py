"""What each app's `cli.py` builds its commands from: the client's port, and output.

An app's module has `register(app: typer.Typer, client: Client)`; `idp.cli` calls it. Nothing here
imports Django: the command line starts fast, and on machines where only the client is installed.
Tables are in `idp.common.tables`, which takes longer to load.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Any, Protocol

import typer

# Control characters, except tab and line feed: what others wrote must not steer a terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Code(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5


class Client(Protocol):
    """The REST interface as a command sees it: JSON in, JSON out, errors end the command."""

    @property
    def as_json(self) -> bool:
        """Whether the person asked for JSON."""

    def get(self, path: str, **params: Any) -> Any:
        """The JSON below /api/v1/ (`changes/42/`); parameters that are None are left out."""

    def send(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON answer to a write; each carries an Idempotency-Key."""

    def upload(self, path: str, data: bytes, kind: str, **params: Any) -> Any:
        """The JSON answer to a file of media type `kind`."""

    def download(self, path: str, **params: Any) -> Iterator[bytes]:
        """A file's bytes as they come."""

    def raw(self, path: str, **params: Any) -> tuple[bytes, Mapping[str, str]]:
        """The bytes of a small answer, and its headers by their names in lower case."""

    def rows(self, path: str, limit: int, **params: Any) -> Iterator[dict[str, Any]]:
        """At most `limit` rows of a list, over as many pages as needed."""

    def lines(self, path: str, **params: Any) -> Iterator[str]:
        """A text answer, line by line, as it comes."""


def clean(value: Any) -> str:
    """The value as text that is safe to print."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str) -> None:
    """A line of result."""
    typer.echo(clean(text))


def note(text: str) -> None:
    """A line for the person, beside the result (standard error)."""
    typer.echo(clean(text), err=True)


def fail(message: str, code: Code = Code.FAILED, *, fix: str = "") -> typer.Exit:
    """Write the message; raise what it returns."""
    note(f"Error: {message}")
    if fix:
        note(f"  {fix}")
    return typer.Exit(int(code))


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=True))


def details(value: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """One object as "name  value" lines; `names` maps a key to its label."""
    width = max(map(len, names.values()), default=0)
    for key, label in names.items():
        if value.get(key) not in (None, "", [], {}):
            say(f"{label:<{width}}  {clean(value[key])}")


def pairs(values: Sequence[str], option: str) -> dict[str, Any]:
    """`a=1 b.c=x` as {"a": 1, "b": {"c": "x"}}: JSON where it is JSON, text otherwise."""
    found: dict[str, Any] = {}
    for item in values:
        name, sign, text = item.partition("=")
        if not sign or not all(name.split(".")):
            raise fail(f"{option} {item}: write it as name=value.", Code.USAGE)
        here = found
        *way, last = name.split(".")
        for part in way:
            here = here.setdefault(part, {})
            if not isinstance(here, dict):
                raise fail(f"{option} {item}: “{part}” has a value already.", Code.USAGE)
        here[last] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, (int, float, bool, list, dict, type(None))) else text
