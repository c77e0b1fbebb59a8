"""What a rule would have done to the last promotions of its place. Writes nothing.

The facts are those that are known today; ages and the calendar are read by the clock of then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from idp.changes.gates import Outcome
from pipelines.deploys.models import Deployment
from pipelines.deploys.selectors import ENVIRONMENT_VIEW
from pipelines.evidence import judging
from pipelines.evidence.judging import Verdict
from pipelines.evidence.models import EvidenceRule
from pipelines.evidence.registry import Case
from rbac.access import visible
from rbac.actors import Actor
from rbac.models import Scope

PROMOTIONS = 50
_BELOW = {
    Scope.Kind.PROJECT: "environment__scope__project_scope",
    Scope.Kind.TIER: "environment__scope__tier_scope",
    Scope.Kind.ENVIRONMENT: "environment__scope",
}


@dataclass(frozen=True)
class Judged:
    """A promotion with what the rule would have said."""

    deployment: Deployment
    verdict: Verdict

    @property
    def outcome(self) -> Outcome:
        return self.verdict.outcome


@dataclass(frozen=True)
class Preview:
    """The last promotions of a rule's place, the newest first, as the rule judges them."""

    rows: Sequence[Judged]

    @property
    def promotions(self) -> int:
        return len(self.rows)

    @property
    def refused(self) -> int:
        return sum(one.outcome is Outcome.REFUSE for one in self.rows)

    @property
    def waiting(self) -> int:
        return sum(one.outcome is Outcome.WAIT for one in self.rows)

    @property
    def stopped(self) -> Sequence[Judged]:
        return [one for one in self.rows if one.outcome is not Outcome.PASS]

    @property
    def sentence(self) -> str:
        """What people read: 3 of the last 50 promotions would have been stopped."""
        if not self.rows:
            return "Nothing was promoted there yet that you see."
        count, noun = self.promotions, "promotion" if self.promotions == 1 else "promotions"
        if not self.stopped:
            return f"None of the last {count} {noun} would have been stopped."
        return (
            f"{len(self.stopped)} of the last {count} {noun} would have been stopped:"
            f" {self.refused} refused, {self.waiting} left waiting."
        )


def preview(actor: Actor, rule: EvidenceRule) -> Preview:
    """Judge a rule, saved or not, as if it were on."""
    rows = list(promotions(actor, rule.scope).order_by("-pk")[:PROMOTIONS])
    cases = [
        Case(row.bundle.project, row.bundle.sha, row.change.created_at, row.bundle, row.change)
        for row in rows
    ]
    verdicts = judging.judged([rule], cases)
    return Preview([Judged(row, one[0]) for row, one in zip(rows, verdicts, strict=True)])


def promotions(actor: Actor, scope: Scope) -> QuerySet[Deployment]:
    """What was brought to a place, as far as the actor sees it."""
    below = _BELOW.get(Scope.Kind(scope.kind))
    rows = Deployment.objects.filter(Q(**{below: scope.pk}) if below else Q())
    return (
        visible(actor, ENVIRONMENT_VIEW, rows)
        .select_related(
            "bundle__project",
            "environment__project",
            "change__scope__tier_scope",
            "change__scope__project_scope",
            "change__token",
            "change__actor",
        )
        .defer("change__plan", "change__intent", "change__gates", "change__result")
    )
