"""Variables that are kept outside of the file: of the instance, of groups, of the project.

https://docs.gitlab.com/ci/variables/: a closer level wins, and of one level the scope that says
most of the environment's name. Protected ones exist on protected refs only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from pipelines.engine.problems import Where
from pipelines.engine.variables import Variable

EVERYWHERE = "*"


class Level(IntEnum):
    """Who a variable belongs to; the greater wins. A group's depth is added by `nearness`."""

    INSTANCE = 0
    GROUP = 1
    PROJECT = 2


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str = field(repr=False)
    level: Level = Level.PROJECT
    nearness: int = 0  # of groups: how far down, the greater wins
    file: bool = False  # the variable holds the path of a file with the value
    protected: bool = False
    masked: bool = False
    hidden: bool = False  # masked, and never shown again
    environment: str = EVERYWHERE  # a name, or one with `*`
    expand: bool = True

    @property
    def secret(self) -> bool:
        return self.masked or self.hidden


@lru_cache(maxsize=4_000)
def fits(scope: str, environment: str) -> bool:
    """Whether an environment's name lies in a scope; without an environment only `*` holds."""
    if scope == EVERYWHERE:
        return True
    if not environment:
        return False
    first, *inner = scope.split("*")
    if not inner:
        return scope == environment
    *inner, last = inner
    if not environment.startswith(first) or not environment.endswith(last):
        return False
    at, end = len(first), len(environment) - len(last)
    for part in inner:
        found = environment.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def layer(settings: Iterable[Setting], *, protected: bool, environment: str) -> dict[str, Variable]:
    """The variables that a job in an environment, or none, gets on such a ref; the winner each."""
    given = [
        one
        for one in settings
        if fits(one.environment, environment) and (protected or not one.protected)
    ]
    ordered = sorted(given, key=lambda one: (one.level, one.nearness, _says(one.environment)))
    return {
        one.name: Variable(
            one.value,
            Where(one.level.name.lower()),
            expand=one.expand,
            file=one.file,
            masked=one.secret,
        )
        for one in ordered
    }


def _says(scope: str) -> tuple[bool, int]:
    return "*" not in scope, len(scope.replace("*", ""))
