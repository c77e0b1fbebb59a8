"""Plans as data: what would be done to each object, and with what risk."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any


class Verb(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    UNCHANGED = "unchanged"


class Risk(StrEnum):
    """What an action may do to people, worst first; pages group by it."""

    DATA = "loses data"
    ACCESS = "changes access"
    RUNTIME = "changes what runs"
    HARMLESS = "harmless"


RISKS = tuple(Risk)


@dataclass(frozen=True)
class FieldChange:
    """One field's values before and after; `known` is False for what only applying will tell."""

    path: str
    before: Any = None
    after: Any = None
    known: bool = True


@dataclass(frozen=True)
class Loss:
    """What an action would destroy, in words, and the ways out that may be chosen."""

    sentence: str
    choices: tuple[str, ...] = ("retain", "purge")
    choice: str = ""


@dataclass(frozen=True)
class Action:
    """One object's fate. `target` is the backend port: "kubernetes" or "aws"."""

    verb: Verb
    target: str
    kind: str
    name: str
    namespace: str = ""
    risk: Risk = Risk.HARMLESS
    note: str = ""
    fields: tuple[FieldChange, ...] = ()
    loss: Loss | None = None

    @property
    def key(self) -> str:
        return f"{self.target}/{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Plan:
    """What a change would do. `hash` covers base, blueprint, documents and owned fields only."""

    actions: tuple[Action, ...] = ()
    base: str = ""
    hash: str = ""
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # quota use, counts … for gates

    @property
    def effective(self) -> tuple[Action, ...]:
        return tuple(a for a in self.actions if a.verb is not Verb.UNCHANGED)

    @property
    def counts(self) -> dict[str, int]:
        """Number of actions by verb, every verb named."""
        counted = Counter(a.verb.value for a in self.actions)
        return {verb.value: counted[verb.value] for verb in Verb}

    @property
    def undecided(self) -> tuple[Action, ...]:
        """Actions that would lose data and for which nobody has chosen what becomes of it."""
        return tuple(a for a in self.actions if a.loss and not a.loss.choice)

    @property
    def worst(self) -> Risk:
        """The worst risk of what would be done; harmless when nothing would."""
        return min((a.risk for a in self.effective), key=RISKS.index, default=Risk.HARMLESS)

    def with_choices(self, choices: Mapping[str, str]) -> Plan:
        """The same plan with each loss decided as `choices` says, by the action's key."""
        actions = tuple(
            replace(a, loss=replace(a.loss, choice=choices[a.key]))
            if a.loss and choices.get(a.key) in a.loss.choices
            else a
            for a in self.actions
        )
        return replace(self, actions=actions)

    @property
    def bound_hash(self) -> str:
        """What a confirmation and an approval are bound to: the hash and what becomes of losses."""
        chosen = {a.key: a.loss.choice for a in self.actions if a.loss and a.loss.choice}
        return digest([self.hash, chosen]) if chosen else self.hash

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "facts": dict(self.facts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan that `to_json` wrote."""
        actions = tuple(
            Action(
                verb=Verb(a["verb"]),
                target=a["target"],
                kind=a["kind"],
                name=a["name"],
                namespace=a["namespace"],
                risk=Risk(a["risk"]),
                note=a["note"],
                fields=tuple(FieldChange(**f) for f in a["fields"]),
                loss=Loss(**{**a["loss"], "choices": tuple(a["loss"]["choices"])})
                if a["loss"]
                else None,
            )
            for a in data["actions"]
        )
        return cls(
            actions=actions,
            base=data["base"],
            hash=data["hash"],
            notes=tuple(data["notes"]),
            facts=data["facts"],
        )


def digest(value: Any) -> str:
    """SHA-256, hexadecimal, of the canonical JSON of a value: equal values, equal digests."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
