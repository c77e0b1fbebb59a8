"""Gates and facts: what must hold before a plan is applied. Upper apps register both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from idp.changes.models import Change
from idp.changes.plans import Plan


class Outcome(StrEnum):
    PASS = "pass"  # noqa: S105 - a gate's outcome, no password
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Leave:
    """Who else may let past just this: a waiver at their place that names `about` counts for it.

    The gate reads such waivers itself (`gating.leave_given`); they count for nothing else.
    """

    scope: int  # the place of those who are asked
    place: str
    about: str  # the same words for the same cause: "orders-value version 2 → billing-api"
    sentence: str  # what it would do to them
    who: str = ""  # "olga.owner or sven.second"; empty where nobody can at present
    url: str = ""  # where more can be read


@dataclass(frozen=True)
class Reading:
    """A fact as a gate read it; `unknown` says why it has no value, and how to get one."""

    name: str
    value: Any = None
    unknown: str = ""


@dataclass(frozen=True)
class Clause:
    """One part of what a gate asks: whether it holds, what was read for it, and the way out."""

    rule: str
    text: str
    outcome: Outcome
    facts: tuple[Reading, ...] = ()
    fix: str = ""
    note: str = ""  # "only tells", "waived by olga.owner"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "facts": [asdict(one) for one in self.facts]}


@dataclass(frozen=True)
class GateResult:
    """A gate's answer: the sentence, the rule behind it, what was read, and who can lift it."""

    gate: str
    title: str
    outcome: Outcome
    sentence: str
    rule: str = ""
    fact: Any = None
    lift: str = ""  # who can do what: "lee.lead can waive it for up to 7 days"
    waived_by: str = ""
    leave: tuple[Leave, ...] = ()
    clauses: tuple[Clause, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "leave": [asdict(one) for one in self.leave],
            "clauses": [one.to_json() for one in self.clauses],
        }


@dataclass(frozen=True)
class Gate:
    """`check` reads rows only, no cluster, no cloud. It runs when planned and before effects."""

    name: str
    title: str
    check: Callable[[Change, Plan], GateResult]
    waivable: bool = True


_gates: dict[str, Gate] = {}
_facts: dict[str, Callable[[Change, Plan], Any]] = {}


def register(gate: Gate) -> None:
    if gate.name in _gates:
        raise ValueError(f"gate {gate.name!r} is registered twice")
    _gates[gate.name] = gate


def register_fact(name: str, read: Callable[[Change, Plan], Any]) -> None:
    """Make `name` usable in conditions; a condition that names an unknown fact blocks."""
    if name in _facts:
        raise ValueError(f"fact {name!r} is registered twice")
    _facts[name] = read


def registered() -> tuple[Gate, ...]:
    return tuple(_gates.values())


def fact_names(plan: Plan) -> frozenset[str]:
    """Every name that a condition on this plan may use: registered, or said by the plan itself."""
    return frozenset(_facts) | frozenset(plan.facts)


def registered_facts() -> frozenset[str]:
    """The names that conditions may always use."""
    return frozenset(_facts)


def facts_of(change: Change, plan: Plan, names: frozenset[str]) -> Mapping[str, Any]:
    """The values of the named facts; KeyError names the first that nobody knows."""
    return {
        name: _facts[name](change, plan) if name in _facts else plan.facts[name]
        for name in sorted(names)
    }
