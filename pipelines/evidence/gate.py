"""The gate `evidence`: what is known of a bundle satisfies the rules of where it goes."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from idp.changes import gates, gating, people
from idp.changes.gates import Clause, Gate, GateResult, Leave, Outcome
from idp.changes.gating import at_or_above
from idp.changes.models import Change, Waiver
from idp.changes.plans import Plan
from pipelines.deploys.gates import bundle_of
from pipelines.deploys.models import Bundle
from pipelines.evidence import judging
from pipelines.evidence.judging import Verdict
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.registry import Case
from rbac import granters
from rbac.models import Scope
from rbac.places import place_of

NAME, TITLE = "evidence", "Evidence"
WAIVE = "gate.waive"
MAX_RULES = 50  # that are judged for one change
SHOWN = 3


def rules_for(scope: Scope) -> list[EvidenceRule]:
    """The active rules at or above a place."""
    rows = EvidenceRule.objects.filter(at_or_above(scope), active=True).order_by("name")
    return list(rows[: MAX_RULES + 1])


def check(change: Change, _plan: Plan) -> GateResult:
    bundle = bundle_of(change)
    if bundle is None:
        return GateResult(NAME, TITLE, Outcome.PASS, "It brings out no bundle.")
    rules = rules_for(change.scope)
    if len(rules) > MAX_RULES:
        sentence = f"More than {MAX_RULES} rules hold here, which are not judged together."
        fix = "Whoever manages gates puts several into one."
        return GateResult(NAME, TITLE, Outcome.REFUSE, sentence, lift=fix)
    if not rules:
        return GateResult(NAME, TITLE, Outcome.PASS, "No rule asks for evidence here.")
    case = Case(bundle.project, bundle.sha, timezone.now(), bundle, change)
    return answer(change, bundle, judging.judged(rules, [case])[0])


def answer(change: Change, bundle: Bundle, verdicts: Sequence[Verdict]) -> GateResult:
    """What verdicts mean, once those are left out that somebody let past."""
    asked = {one.rule.pk: about(one.rule, bundle) for one in verdicts if one.rule.blocks}
    failing = [one for one in verdicts if one.failing and one.rule.blocks]
    causes = [(change.scope_id, asked[one.rule.pk]) for one in failing]
    given = gating.leave_given(NAME, causes, change)
    left = {
        one.rule.pk: given[cause]
        for one, cause in zip(failing, causes, strict=True)
        if cause in given
    }
    clauses = tuple(
        _noted(clause, left.get(one.rule.pk)) for one in verdicts for clause in one.clauses
    )
    blocking = [one for one in failing if one.rule.pk not in left]
    if not blocking:
        by = sorted({w.approver.username for w in left.values() if w.approver})
        sentence = _passing(verdicts, [one.rule.name for one in failing], by)
        waived = ", ".join(by)
        return GateResult(NAME, TITLE, Outcome.PASS, sentence, waived_by=waived, clauses=clauses)
    refused = any(one.outcome is Outcome.REFUSE for one in blocking)
    return GateResult(
        NAME,
        TITLE,
        Outcome.REFUSE if refused else Outcome.WAIT,
        _sentence(blocking),
        rule=", ".join(one.rule.name for one in blocking)[:300],
        fact=sum(len(one.failing) for one in blocking),
        lift=people.who_can(WAIVE, change, does="let it past a rule"),
        leave=_leave(change, bundle, blocking),
        clauses=clauses,
    )


def about(rule: EvidenceRule, bundle: Bundle) -> str:
    """What leave is asked for: a rule as it says now, and a bundle, which never changes."""
    return f"rule {rule.name} (version {rule.revision}) for {bundle}"


def _noted(clause: Clause, waiver: Waiver | None) -> Clause:
    if waiver is None or waiver.approver is None or clause.outcome is Outcome.PASS:
        return clause
    note = f"let past by {waiver.approver.username} until {waiver.ends_at:%d %b %H:%M} UTC"
    return Clause(clause.rule, clause.text, clause.outcome, clause.facts, clause.fix, note)


def _passing(verdicts: Sequence[Verdict], past: Sequence[str], by: Sequence[str]) -> str:
    clauses = sum(len(one.clauses) for one in verdicts)
    told = [clause for one in verdicts if not one.rule.blocks for clause in one.failing]
    parts = [f"{_counted(clauses, 'clause')} of {_counted(len(verdicts), 'rule')} judged."]
    if told:
        parts.append(f"Only told: {judging.said(told)}.")
    if past:
        parts.append(f"{', '.join(past)} let past by {', '.join(by)}.")
    return " ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _sentence(blocking: Sequence[Verdict]) -> str:
    clauses = [clause for one in blocking for clause in one.failing]
    verb = "does" if len(clauses) == 1 else "do"
    return f"{_counted(len(clauses), 'clause')} {verb} not hold: {judging.said(clauses)}."


def _leave(change: Change, bundle: Bundle, blocking: Sequence[Verdict]) -> tuple[Leave, ...]:
    who = _who(change)
    return tuple(
        Leave(
            scope=change.scope_id,
            place=change.scope.label,
            about=about(one.rule, bundle),
            sentence=f"{bundle} would go to {change.scope.label} though"
            f" {judging.said(one.failing)}.",
            who=who,
            url=f"/pipelines/gates/{one.rule.name}/",
        )
        for one in blocking
    )


def _who(change: Change) -> str:
    place = place_of(change.scope)
    if place is None:
        return ""
    rows = granters.people_holding(WAIVE, place).exclude(pk__in=people.asked(change))
    return " or ".join(rows.values_list("username", flat=True)[:SHOWN])


def register() -> None:
    gates.register(Gate(NAME, TITLE, check))
