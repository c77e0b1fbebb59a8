"""Which policies hold for a subject: kept in memory as long as the registry's stamp stays.

The stamp stands in the registry's own row, which is read with every subject: where nothing changed,
registering asks nothing more. Under the services, the gate and whatever shows a subject.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock

from rbac.models import Scope
from schemas.models import Context, Subject
from schemas.naming import GLOBAL
from schemas.policies.models import SchemaPolicy
from schemas.policies.rules import Rules

MAX_POLICIES = 500


@dataclass(frozen=True)
class Held:
    """A policy that is on, as frozen values."""

    pk: int
    name: str
    enforced: bool
    scope: int
    everything: bool
    team: int | None
    tier: str
    rules: Rules

    @classmethod
    def of(cls, row: SchemaPolicy) -> Held:
        return cls(
            pk=row.pk or 0,
            name=row.name,
            enforced=row.mode == SchemaPolicy.Mode.ENFORCE,
            scope=row.scope_id,
            everything=row.scope.kind == Scope.Kind.EVERYTHING,
            team=row.team_id,
            tier=row.tier,
            rules=Rules.from_json(row.rules),
        )

    def meets(self, subject: Subject) -> bool:
        """Whether it is about this subject."""
        place = self.everything or subject.keeper.project_scope_id == self.scope
        return place and self.team in (None, subject.owner_id)


@dataclass
class _Memory:
    stamp: int = -1
    held: tuple[Held, ...] = ()


_memory, _lock = _Memory(), Lock()


def of(subject: Subject) -> tuple[Held, ...]:
    """The policies about a subject that are on, those of its project before those of everything."""
    stamp = _stamp(subject.context)
    if not stamp:
        return ()
    return tuple(held for held in _all(stamp) if held.meets(subject))


def registering(subject: Subject) -> tuple[Held, ...]:
    """Those judged when a version is registered and the subject described."""
    return tuple(held for held in of(subject) if not held.tier)


def using(subject: Subject, tier: str) -> tuple[Held, ...]:
    """Those judged when a change begins to use the subject in a tier."""
    return tuple(held for held in of(subject) if held.tier in ("", tier))


def default_level(subject: Subject) -> tuple[str, str]:
    """The level that the nearest policy gives, and the policy's name; empty where none does."""
    for held in registering(subject):
        if held.enforced and held.rules.default_level:
            return held.rules.default_level, held.name
    return "", ""


def _stamp(context: Context) -> int:
    return (context.parent or context).policy_stamp


def _all(stamp: int) -> tuple[Held, ...]:
    """From memory, or read anew: what is read is never older than the stamp that asked for it."""
    with _lock:
        if _memory.stamp == stamp:
            return _memory.held
    rows = SchemaPolicy.objects.exclude(mode=SchemaPolicy.Mode.OFF).select_related("scope")
    held = tuple(sorted(map(Held.of, rows.order_by("pk")[:MAX_POLICIES]), key=_nearest))
    with _lock:
        _memory.stamp, _memory.held = stamp, held
    return held


def _nearest(held: Held) -> tuple[bool, bool, str]:
    return held.everything, held.team is None, held.name


def changed() -> None:
    """Have every process read the policies anew; called inside the transaction that writes one.

    A stamp is a moment, so that none comes twice, not even after a backup was restored.
    """
    Context.objects.filter(name=GLOBAL).update(policy_stamp=time.time_ns())
