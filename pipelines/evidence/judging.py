"""Rules against what is known of a case: each clause with its verdict, its facts and the way out.

The gate and the preview judge by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from idp.changes.gates import Clause, Outcome, Reading
from idp.common.errors import Invalid
from pipelines.evidence import language, registry
from pipelines.evidence.language import Part
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.registry import Case, Known, Unknown


@dataclass(frozen=True)
class Verdict:
    """What one rule says of one case."""

    rule: EvidenceRule
    clauses: tuple[Clause, ...]

    @property
    def failing(self) -> tuple[Clause, ...]:
        return tuple(one for one in self.clauses if one.outcome is not Outcome.PASS)

    @property
    def outcome(self) -> Outcome:
        """A clause that can only be mended refuses; one that may come to hold waits."""
        said = {one.outcome for one in self.clauses}
        return next((one for one in (Outcome.REFUSE, Outcome.WAIT) if one in said), Outcome.PASS)


def judged(rules: Sequence[EvidenceRule], cases: Sequence[Case]) -> list[tuple[Verdict, ...]]:
    """Each case's verdicts in the order of the rules; all facts are read at once."""
    compiled = [(rule, _parts(rule)) for rule in rules]
    wanted = {
        name
        for _, found in compiled
        if not isinstance(found, Clause)
        for part in found
        for name in part.facts
    }
    return [
        tuple(_verdict(rule, found, known) for rule, found in compiled)
        for known in registry.read_all(cases, wanted)
    ]


def _parts(rule: EvidenceRule) -> tuple[Part, ...] | Clause:
    """A rule's clauses; one that refuses where it names what nobody registers any more."""
    try:
        return language.parts(rule.condition)
    except Invalid as error:
        fix = f"{error.message} {error.fix} Whoever manages gates mends the rule.".strip()
        return Clause(rule.name, rule.condition, Outcome.REFUSE, fix=fix)


def _verdict(rule: EvidenceRule, found: tuple[Part, ...] | Clause, known: Known) -> Verdict:
    if isinstance(found, Clause):
        return Verdict(rule, (found,))
    return Verdict(rule, tuple(_clause(rule, part, known) for part in found))


def _clause(rule: EvidenceRule, part: Part, known: Known) -> Clause:
    fix, note = rule.fix, "" if rule.blocks else "only tells"
    try:
        holds = part.judge(known)
    except Invalid as error:
        holds, fix = False, f"{error.message} {error.fix}".strip()
    if holds:
        outcome = Outcome.PASS
    elif holds is None or any(registry.fact(name).moves for name in part.facts):
        outcome = Outcome.WAIT
    else:
        outcome = Outcome.REFUSE
    return Clause(rule.name, part.text, outcome, _readings(part, known), fix, note)


def _readings(part: Part, known: Known) -> tuple[Reading, ...]:
    return tuple(_reading(name, known[name]) for name in part.facts)


def _reading(name: str, value: object) -> Reading:
    if isinstance(value, Unknown):
        return Reading(name, unknown=str(value))
    return Reading(name, value)


def said(clauses: Iterable[Clause], most: int = 3) -> str:
    """Clauses in words: `tests.failed == 0` (tests.failed is 2)."""
    rows = list(clauses)
    shown = [f"{one.text} ({', '.join(map(_told, one.facts))})" for one in rows[:most]]
    more = f", and {len(rows) - most} more" if len(rows) > most else ""
    return f"{'; '.join(shown)}{more}"


def _told(reading: Reading) -> str:
    if reading.unknown:
        return f"{reading.name} is not known"
    value = reading.value
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{reading.name} is {text}"
