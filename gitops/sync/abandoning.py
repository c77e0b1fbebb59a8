"""Giving up on what cannot be reached any more: the change kind `gitops.abandon`.

Deleting asks the cluster and the account and waits until nothing is left; where one of them is gone
for good that never ends. This asks neither: the directory leaves git, every record says what stays
behind, and the environment ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from gitops import kinds
from gitops.models import Application, ManagedObject
from gitops.sync import observing
from gitops.sync.desired import application_of, desire
from gitops.sync.live import key_of, ref_of_row, rows_of
from gitops.sync.steps import Work
from idp.changes.kinds import Observation, Seen, Step, StepContext
from idp.changes.models import Change
from idp.changes.plans import Action, Plan, Verb, digest

NAME = "gitops.abandon"
STAYS = "Not removed: its record ends. Where it still exists, it stays and may cost money."


class AbandonKind:
    name = NAME

    def plan(self, change: Change) -> Plan:
        application = application_of(change)
        desired = desire(application, change)
        rows = rows_of(application)
        places = [f"cluster {application.cluster.name}"]
        places += [f"account {application.account.name}"] if application.account else []
        tier = application.scope.tier_scope
        facts = {
            "tier": tier.name if tier else "",
            "objects": 0,
            "commit": desired.commit,
            "tree": desired.tree,
            "delete": True,
        }
        note = (
            f"Neither {' nor '.join(places)} is asked or changed: what is there stays behind,"
            f" marked slipway.dev/owner={application.namespace}."
        )
        actions = tuple(_forgotten(row) for _, row in sorted(rows.items()))
        bound = digest([NAME, desired.base, desired.tree, sorted(rows)])
        return Plan(actions, desired.base, bound, (note, *desired.notes), facts)

    def steps(self, change: Change, plan: Plan) -> Sequence[Step]:
        work = Work(change, plan)
        return [
            Step("git", "Remove the directory from main", work.move_main),
            Step("forget", "Write down what stays behind", lambda context: _forget(work, context)),
        ]

    def observe(self, change: Change) -> Observation:
        kept = _left(application_of(change))
        return Observation(Seen.HEALTHY, f"Left behind: {', '.join(kept) or 'nothing known'}.")

    def ended(self, change: Change) -> None:
        observing.ended(change)


def _forgotten(row: ManagedObject) -> Action:
    ref = ref_of_row(row)
    return Action(
        verb=Verb.DELETE,
        target=kinds.target_of(ref.api_version),
        kind=ref.kind,
        name=ref.name,
        namespace=ref.namespace,
        risk=kinds.risk(Verb.DELETE, ref.kind),
        note=STAYS,
    )


def _forget(work: Work, context: StepContext) -> dict[str, Any]:
    """Mark every record as left behind; said in the change's log, object by object."""
    retained = ManagedObject.State.RETAINED
    with transaction.atomic():
        rows = rows_of(work.application)
        for row in rows.values():
            ManagedObject.objects.filter(pk=row.pk).update(state=retained, change_id=work.change.pk)
    for key in sorted(key_of(ref_of_row(row)) for row in rows.values()):
        context.log(f"{key} stays behind.")
    return {"left": len(rows)}


def _left(application: Application) -> list[str]:
    rows = application.objects_made.filter(state=ManagedObject.State.RETAINED)
    return [f"{row.kind} {row.name}" for row in rows.order_by("kind", "name")[:50]]
