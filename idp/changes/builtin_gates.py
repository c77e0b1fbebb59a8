"""The kernel's own gates: permission, approvals (N of M, bound to the plan) and freezes."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from idp.changes import conditions, gates, people
from idp.changes.gates import Gate, GateResult, Outcome
from idp.changes.gating import at_or_above
from idp.changes.models import Approval, ApprovalRule, Change, Freeze
from idp.changes.plans import Plan
from rbac.access import can, decide
from rbac.actors import Actor


def check_permission(change: Change, _plan: Plan) -> GateResult:
    """The actor may still do what the change does."""
    decision = decide(people.actor_of_change(change), change.verb, change.scope)
    return GateResult(
        "permission",
        "Permission",
        Outcome.PASS if decision.allowed else Outcome.REFUSE,
        decision.reason or f"{change.actor_label} may do {change.verb} at {change.scope}.",
        fact=change.verb,
        lift="" if decision.allowed else f"Someone who manages roles at {change.scope}.",
    )


def rules_for(change: Change, plan: Plan) -> list[ApprovalRule]:
    """The active rules at or above the change's place whose condition holds for its plan."""
    rules = ApprovalRule.objects.filter(at_or_above(change.scope), active=True).order_by("name")
    return [rule for rule in rules if conditions.holds(rule.condition, change, plan)]


def valid_approvals(change: Change) -> list[Approval]:
    """Yes-answers to exactly this plan, of other people who may (still) approve."""
    return approvals_of([change])[change.pk]


def approvals_of(changes: Collection[Change]) -> dict[int, list[Approval]]:
    """The valid approvals of each change, read at once."""
    found: dict[int, list[Approval]] = {change.pk: [] for change in changes}
    answers = Approval.objects.filter(
        change__in=found, answer=Approval.Answer.APPROVE, approver__service_account=None
    ).select_related("approver")
    by_id, own = {c.pk: c for c in changes}, {c.pk: people.asked(c) for c in changes}
    for a in answers.order_by("at"):
        change = by_id[a.change_id]
        if (
            a.plan_hash == change.plan_hash
            and a.approver_id not in own[change.pk]
            and can(Actor(a.approver), "change.approve", change.scope)
        ):
            found[change.pk].append(a)
    return found


def check_approval(change: Change, plan: Plan) -> GateResult:
    """Each rule's number of approvals is there; the strictest rule speaks."""
    rules = rules_for(change, plan)
    if not rules:
        return GateResult(
            "approval", "Approval", Outcome.PASS, "No rule asks for an approval here."
        )
    rule = max(rules, key=lambda r: r.needed)
    given = [a.approver.username for a in valid_approvals(change)]
    names = f" ({', '.join(given)})" if given else ""
    if len(given) >= rule.needed:
        sentence = f"Approved by {', '.join(given)}."
        return GateResult("approval", "Approval", Outcome.PASS, sentence, rule.name, len(given))
    return GateResult(
        "approval",
        "Approval",
        Outcome.WAIT,
        f"{len(given)} of {rule.needed} approvals{names}.",
        rule.name,
        len(given),
        people.who_can("change.approve", change)
        + " It is bound to this plan: a new plan asks again.",
    )


def freezes_at(change: Change) -> list[Freeze]:
    now = timezone.now()
    return list(
        Freeze.objects.filter(
            at_or_above(change.scope), lifted_at=None, starts_at__lte=now, ends_at__gt=now
        )
        .select_related("author", "scope__project_scope")
        .order_by("-ends_at")
    )


def check_freeze(change: Change, _plan: Plan) -> GateResult:
    """No freeze is in force at or above the change's place."""
    freezes = freezes_at(change)
    if not freezes:
        return GateResult("freeze", "Freeze", Outcome.PASS, f"None for {change.scope}.")
    last = freezes[0]
    return GateResult(
        "freeze",
        "Freeze",
        Outcome.WAIT,
        f"{last.scope} is frozen until {last.ends_at:%a %d %b %H:%M} UTC by"
        f" {last.author.username}: {last.reason}.",
        rule=f"freeze {last.pk}",
        fact=last.ends_at.isoformat(),
        lift="It goes by itself when the freeze ends. "
        + people.who_can("gate.waive", change, does="waive it"),
    )


def register() -> None:
    gates.register(Gate("permission", "Permission", check_permission, waivable=False))
    gates.register(Gate("approval", "Approval", check_approval))
    gates.register(Gate("freeze", "Freeze", check_freeze))
