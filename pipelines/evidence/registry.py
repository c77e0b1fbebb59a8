"""The facts that rules may read: name, type, meaning and reader. Later apps register more.

A fact has no value where nobody said anything: it is `Unknown`, which says how to get one, and a
rule that needs it blocks.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from idp.changes.models import Change
from pipelines.deploys.models import Bundle
from rbac.models import Project

log = logging.getLogger(__name__)

Value = bool | int | float | str
MAX_TEXT = 500
_NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")


class Type(StrEnum):
    NUMBER = "number"
    TEXT = "text"
    FLAG = "true or false"


@dataclass(frozen=True)
class Case:
    """What is judged: a commit, perhaps as a bundle, perhaps on its way somewhere by a change."""

    project: Project
    commit: str
    at: datetime  # the clock that ages and the calendar are read by
    bundle: Bundle | None = None
    change: Change | None = None


@dataclass(frozen=True)
class Unknown:
    """Why a fact has no value, and how to get one."""

    why: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.why} {self.fix}".strip()


Known = Mapping[str, Value | Unknown]
Load = Callable[[Sequence[Case]], Sequence[Any]]
Read = Callable[[Case, Any], Value | Unknown]


@dataclass(frozen=True)
class Fact:
    """`moves`: it may come to be another one by itself, so that it is worth waiting for."""

    name: str
    type: Type
    doc: str
    example: Value
    read: Read
    source: str = ""
    moves: bool = False


_facts: dict[str, Fact] = {}
_sources: dict[str, Load] = {}


def register_source(name: str, load: Load) -> None:
    """What facts are read from: `load` answers for many cases at once, in their order."""
    if name in _sources:
        raise ValueError(f"source {name!r} is registered twice")
    _sources[name] = load


def register_evidence(
    name: str,
    type_: Type,
    doc: str,
    read: Read,
    *,
    example: Value,
    source: str = "",
    moves: bool = False,
) -> None:
    """Make `group.name` usable in rules; `read` gets what `source` loaded for the case."""
    if name in _facts or not _NAME.fullmatch(name):
        raise ValueError(f"fact {name!r} is registered twice, or is not named group.name")
    if source and source not in _sources:
        raise ValueError(f"fact {name!r} is of no source that is registered: {source!r}")
    _facts[name] = Fact(name, type_, doc, example, read, source, moves)


def catalogue() -> Sequence[Fact]:
    """Every fact, by group in the order of registration."""
    groups = list(dict.fromkeys(group_of(name) for name in _facts))
    return sorted(_facts.values(), key=lambda one: groups.index(group_of(one.name)))


def names() -> Collection[str]:
    return _facts.keys()


def groups() -> frozenset[str]:
    return frozenset(group_of(name) for name in _facts)


def group_of(name: str) -> str:
    return name.partition(".")[0]


def fact(name: str) -> Fact:
    return _facts[name]


def read_all(cases: Sequence[Case], wanted: Iterable[str]) -> list[Known]:
    """The wanted facts of each case. Each source is asked once, whatever the number of cases."""
    facts = [_facts[name] for name in sorted(set(wanted))]
    loaded = {name: _load(name, cases) for name in {one.source for one in facts if one.source}}
    return [
        {
            one.name: _read(one, case, loaded[one.source][at] if one.source else None)
            for one in facts
        }
        for at, case in enumerate(cases)
    ]


def _load(name: str, cases: Sequence[Case]) -> Sequence[Any]:
    try:
        return _sources[name](cases)
    except Exception as error:  # what cannot be read is not known, whatever the reason
        log.exception("evidence source %s could not be read", name)
        return [_broken(error)] * len(cases)


def _read(one: Fact, case: Case, loaded: Any) -> Value | Unknown:
    if isinstance(loaded, Unknown):
        return loaded
    try:
        found = one.read(case, loaded)
    except Exception as error:  # as above
        log.exception("evidence %s could not be read", one.name)
        return _broken(error)
    return found[:MAX_TEXT] if isinstance(found, str) else found


def _broken(error: Exception) -> Unknown:
    why = f"It could not be read ({type(error).__name__})."
    return Unknown(why, "A platform engineer finds the reason in the log.")
