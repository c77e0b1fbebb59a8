"""The change kind as the runner calls it; each method's work is in the module of its name."""

from __future__ import annotations

from collections.abc import Sequence

from gitops.sync import observing, planning, steps
from idp.changes.kinds import Observation, Step
from idp.changes.models import Change
from idp.changes.plans import Plan


class SyncKind:
    name = "gitops.sync"

    def plan(self, change: Change) -> Plan:
        return planning.plan(change)

    def steps(self, change: Change, plan: Plan) -> Sequence[Step]:
        return steps.steps(change, plan)

    def observe(self, change: Change) -> Observation:
        return observing.observe(change)

    def ended(self, change: Change) -> None:
        observing.ended(change)
