"""The gates by which limits of projects and teams hold for every way of changing an environment."""

from __future__ import annotations

from collections.abc import Callable

from environments import limits
from environments.models import Environment
from environments.rendering.document import moment
from idp.changes.gates import GateResult, Outcome
from idp.changes.models import Change
from idp.changes.plans import Plan

LIMITS, QUOTA = "limits", "quota"
_TITLES = {LIMITS: "Limits", QUOTA: "Quota"}


def check_limits(change: Change, plan: Plan) -> GateResult:
    """Number, tier and lifetime of environments."""
    return _check(LIMITS, limits.counted, change, plan)


def check_quota(change: Change, plan: Plan) -> GateResult:
    """Cores and memory that the rendered workloads may use at most."""
    return _check(QUOTA, limits.quota, change, plan)


def _check(
    gate: str,
    judge: Callable[[limits.Wish], list[limits.Finding]],
    change: Change,
    plan: Plan,
) -> GateResult:
    wish = _wish(change, plan)
    found = judge(wish) if wish else []
    if not found:
        sentence = "Inside every limit." if wish else "Nothing here is limited."
        return GateResult(gate, _TITLES[gate], Outcome.PASS, sentence)
    return GateResult(
        gate,
        _TITLES[gate],
        Outcome.REFUSE,
        " ".join(f.sentence for f in found),
        rule=", ".join(f.rule for f in found),
        fact=", ".join(f.fact for f in found),
        lift=" ".join(dict.fromkeys(f.lift for f in found)),
    )


def _wish(change: Change, plan: Plan) -> limits.Wish | None:
    """What the plan asks for; None where it deletes, or is about no environment."""
    if "cpu" not in plan.facts or change.intent.get("delete"):
        return None
    environment = (
        Environment.objects.select_related("project", "application")
        .filter(scope=change.scope_id)
        .first()
    )
    if environment is None:
        return None
    expires = plan.facts.get("expires_at")
    return limits.Wish(
        project=environment.project,
        tier=environment.tier,
        expires_at=moment(expires, "spec.expiresAt") if expires else None,
        cpu=plan.facts["cpu"],
        memory=plan.facts["memory"],
        environment=environment,
        now=change.created_at,
    )
