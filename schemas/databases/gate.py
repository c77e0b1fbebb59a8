"""The gate `databases`: what a change's environment would run into in its databases.

Refused is a migration that the environment has not had yet and that locks, rewrites, loses or
breaks something which nobody acknowledged. A drift is told, or refused where the database says so.
Scaling and stopping bring no code and pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from idp.changes import people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.models import Change
from idp.changes.plans import Action, Plan, Verb
from schemas.databases import judging, readers, selectors
from schemas.databases.models import Database, DatabaseInstance, DatabaseVersion

NAME, TITLE, WAIVE = "databases", "Databases", "gate.waive"
RULE = "what a migration locks, rewrites, loses or breaks is acknowledged in it"
READ_RULE = "what an environment says that it reads is registered"
DRIFT_RULE = "a database is as declared before a change"
SHOWN = 3  # findings or differences within a sentence
MAX_FACTS = 20
_BOUNDS = frozenset({"ResourceQuota", "LimitRange"})
_SCALES = frozenset({"replicas", "minReplicas", "maxReplicas"})


@dataclass(frozen=True)
class Risky:
    """A finding of a version that an instance has not had yet."""

    instance: DatabaseInstance
    version: DatabaseVersion
    finding: dict[str, Any]

    @property
    def sentence(self) -> str:
        one = self.finding
        at = judging.place(one)
        start = f"{self.instance.database} version {self.version.number}"
        said = f"{one['sentence']} {one['readers']}".strip()
        return f"{start}{f', {at}' if at else ''}: {said}"


def check(change: Change, plan: Plan) -> GateResult:
    """Whether the databases of the change's place are ready for it."""
    if change.intent.get("delete"):
        return _passed("What is deleted meets no database.")
    absent = readers.unknown(change, readers.of_facts(plan.facts))
    if absent:
        said = f"It reads {', '.join(absent)}: not registered, or you may not see it."
        return _refused(change, READ_RULE, said, absent, "Correct spec.schemas.reads. Or")
    if _only_scales(plan):
        return _passed("It brings no code to a database.")
    rows = list(selectors.instances_at(change.scope))
    if not rows:
        return _passed("No database is known to live there.")
    found = [one for row in rows for one in _findings(row)]
    risky = [one for one in found if judging.refuses(one.finding)]
    if risky:
        return _refused(change, RULE, _sentence(risky), [r.sentence for r in risky], _ways(risky))
    return _drift_judged(change, rows, found)


def _drift_judged(
    change: Change, rows: Sequence[DatabaseInstance], found: Sequence[Risky]
) -> GateResult:
    drifted = [row for row in rows if row.state == "drifted"]
    facts = [one for row in drifted for one in _drift(row)]
    strict = [row for row in drifted if row.database.on_drift == Database.OnDrift.REFUSE]
    if strict:
        way = "Bring it back to what is declared, or declare what is there. Or"
        return _refused(change, DRIFT_RULE, " ".join(map(_drifted, strict)), facts, way)
    return _passed(_told(rows, drifted, found), facts)


def _only_scales(plan: Plan) -> bool:
    """Whether nothing changes but numbers of replicas, and the quota that follows them."""
    return all(map(_scales, plan.effective))


def _scales(action: Action) -> bool:
    if action.verb is not Verb.UPDATE:
        return False
    fields = (one.path.rpartition(".")[2] for one in action.fields)
    return action.kind in _BOUNDS or all(name in _SCALES for name in fields)


def _findings(row: DatabaseInstance) -> Iterable[Risky]:
    """What the lint found in the versions that an instance has not had yet."""
    versions = selectors.awaited(row)
    known = readers.readers_of(row.database) if versions else []
    for version in versions:
        for finding in judging.with_readers(version, known):
            yield Risky(row, version, finding)


def _sentence(risky: Sequence[Risky]) -> str:
    more = f" And {len(risky) - SHOWN} more." if len(risky) > SHOWN else ""
    return " ".join(one.sentence for one in risky[:SHOWN]) + more


def _ways(risky: Sequence[Risky]) -> str:
    first = risky[0]
    rule, version = first.finding["rule"], first.version
    again = f"slipway schemas declare {first.instance.database} FILE --after {version.base}"
    return (
        f"Ways out. Mend it: {first.finding['fix']} Or acknowledge it: write "
        f"“-- slipway: allow {rule} REASON” on the line above, and declare it instead: {again}. Or"
    )


def _drift(row: DatabaseInstance) -> list[str]:
    return [f"{row}: {one['sentence']}" for one in row.drift[:MAX_FACTS]]


def _drifted(row: DatabaseInstance) -> str:
    count = row.drift_count
    told = " ".join(one["sentence"] for one in row.drift[:SHOWN])
    return f"{row} has drifted ({count} difference{'s' if count != 1 else ''}). {told}"


def _told(
    rows: Sequence[DatabaseInstance],
    drifted: Sequence[DatabaseInstance],
    found: Sequence[Risky],
) -> str:
    """What a person should know although it passes."""
    said = [_drifted(row) for row in drifted]
    said += [f"{row} could not be read last time." for row in rows if row.state == "unreachable"]
    said += [f"{row} still has version {row.reached}." for row in rows if row.state == "behind"]
    said += [
        f"{one.sentence} Acknowledged: {one.finding['acknowledged']}."
        for one in found
        if one.finding["acknowledged"] and one.finding["readers"]
    ]
    return f"Beware: {' '.join(said)}" if said else "Its databases are as declared."


def _passed(sentence: str, facts: Sequence[str] = ()) -> GateResult:
    fact = list(facts[:MAX_FACTS]) or None
    return GateResult(NAME, TITLE, Outcome.PASS, sentence, fact=fact)


def _refused(
    change: Change, rule: str, sentence: str, facts: Sequence[str], way: str
) -> GateResult:
    own = people.who_can(WAIVE, change, does=f"waive gate “{NAME}” for this change")
    return GateResult(
        NAME,
        TITLE,
        Outcome.REFUSE,
        sentence,
        rule=rule,
        fact=list(facts[:MAX_FACTS]),
        lift=f"{way} {own}",
    )


GATE = Gate(NAME, TITLE, check)
