"""What is wrong with a CI file: where, which rule, what to do. The whole engine says it so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from idp.common.errors import FieldError, Invalid

MAX_PROBLEMS = 100  # what a person is told at once
MAX_COMPARED = 1_000  # names among which the nearest is looked for


class Where(NamedTuple):
    """A place in a file of the configuration; lines count from 1, 0 is the file as a whole."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Severity(StrEnum):
    ERROR = "error"  # no pipeline can be made of it
    WARNING = "warning"  # it runs, but hardly as meant


@dataclass(frozen=True, slots=True)
class Problem:
    where: Where
    rule: str
    message: str
    fix: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        fix = f" {self.fix}" if self.fix else ""
        return f"{self.where}: {self.severity} [{self.rule}] {self.message}{fix}"


class ConfigError(Invalid):
    """The configuration makes no pipeline; `problems` has every reason found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{first.where}: {first.message}{more}",
            fix=first.fix,
            errors=[FieldError(str(p.where), p.rule, p.message, p.fix) for p in problems],
        )
        self.problems = tuple(problems)


def error(where: Where, rule: str, message: str, fix: str = "") -> ConfigError:
    return ConfigError([Problem(where, rule, message, fix)])


def warning(where: Where, rule: str, message: str, fix: str = "") -> Problem:
    return Problem(where, rule, message, fix, Severity.WARNING)


def short(text: object, most: int = 60) -> str:
    """What others wrote, cut to fit in a sentence."""
    shown = str(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """“Did you mean …?” with the nearest known name, or nothing where none is near."""
    found = get_close_matches(short(name), sorted(islice(known, MAX_COMPARED)), n=1)
    return f"Did you mean “{found[0]}”?" if found else ""
