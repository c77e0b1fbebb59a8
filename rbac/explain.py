"""A decision as rows of a page: who wants what, what each grant gives, and the answer."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from rbac.decisions import Decision
from rbac.grants import Grant


@dataclass(frozen=True)
class Step:
    """One row: tone is ok, idle or bad."""

    tone: str
    icon: str
    label: str
    text: str
    note: str = ""


def steps(decision: Decision) -> list[Step]:
    """The chain of a decision, from the person to the answer."""
    actor = decision.actor
    where = decision.place.label if decision.place else "an unknown object"
    how = f"by token {actor.token.name}" if actor.token else "signed in"
    name = actor.user.username if actor.user else actor.label
    found = [
        Step("idle", "user", "Who", name, how if actor.user else ""),
        Step("idle", "key", "Wants", f"{decision.permission} on {where}"),
    ]
    if decision.place is not None and actor.user is not None:
        shown = decision.looked_at
        found += [_step(decision, grant, decision.place.lineage) for grant in shown]
        if decision.hidden:
            text = f"{decision.hidden} more held elsewhere, which you may not see"
            found.append(Step("idle", "eye-off", "Roles", text))
        elif not shown:
            found.append(Step("idle", "circle-minus", "Roles", "none at all"))
    if decision.allowed:
        return [*found, Step("ok", "circle-check", "Answer", f"Yes. {decision.reason}", "allowed")]
    return [*found, Step("bad", "ban", "Answer", f"No. {decision.reason}", "refused")]


def _step(decision: Decision, grant: Grant, lineage: frozenset[int]) -> Step:
    now = timezone.now()
    label = grant.source.partition(" of team ")[0].capitalize()
    team = grant.source.partition(" of team ")[2]
    where = f"{'of team ' + team + ' ' if team else ''}at {grant.scope_label}"
    if not grant.lives(now):
        return Step("idle", "clock", label, f"{where}: its time is over", "ended")
    if decision.permission not in grant.permissions:
        return Step("idle", "circle-minus", label, f"{where}: does not give it", "not in the role")
    if not grant.covers(lineage, now):
        return Step(
            "idle", "circle-minus", label, f"{where}: gives it, but not here", "out of scope"
        )
    return Step("ok", "circle-check", label, f"{where}: gives it")
