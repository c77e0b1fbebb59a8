"""Planning: ask the kind, keep the plan, and decide whether somebody has to confirm it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from idp.changes import endings, events, gating, kinds
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.changes.runner.run import MAX_PLAN_FAILURES, Pause, Run, in_words, make_plan
from idp.common.errors import BackendError, SlipwayError, TemporaryBackendError
from idp.common.transitions import transition

log = logging.getLogger(__name__)


def run_planning(run: Run, change: Change) -> Pause | None:
    """Leaves `planning` for ready, waiting or an end; a pause when the target is out of reach."""
    planned = planned_or_ended(run, change, "Planning")
    if not isinstance(planned, Planned):
        return planned
    with run.fenced() as row:
        settle(row, planned.plan, idle=planned.idle)
    run.fresh_hash = planned.plan.bound_hash
    return None


@dataclass(frozen=True)
class Planned:
    """A fresh plan; `idle` where neither it nor its kind has anything to do."""

    plan: Plan
    idle: bool


def planned_or_ended(run: Run, change: Change, what: str) -> Planned | Pause | None:
    """The plan of now; a pause when the target is out of reach, None when the change ended of it.

    What a rule refuses while planning is refused; whatever else a kind raises fails the change.
    """
    try:
        plan = make_plan(change)
        steps = [] if plan.effective else kinds.get(change.kind).steps(change, plan)
        return Planned(plan, idle=not plan.effective and not steps)
    except TemporaryBackendError as error:
        if change.failures < MAX_PLAN_FAILURES:
            return run.later(change, error, what)
        run.end(Change.State.FAILED, f"{what} was given up: {in_words(error)}")
    except Exception as error:  # as the docstring says
        refused = isinstance(error, SlipwayError) and not isinstance(error, BackendError)
        if not isinstance(error, SlipwayError):
            log.exception("planning change %s failed", change.pk)
        planning = change.state == Change.State.PLANNING
        ended = Change.State.REFUSED if refused and planning else Change.State.FAILED
        run.end(ended, in_words(error))
    return None


def settle(change: Change, plan: Plan, *, idle: bool, moved: str = "") -> None:
    """Keep the plan and go on from `planning`: done, to confirm, or waiting for its gates."""
    keep_plan(change, plan)
    if idle:
        endings.end(change, Change.State.SUCCEEDED, reason="Nothing to do: all is as asked.")
        return
    confirmed = change.confirmed_hash == change.plan_hash
    undecided = ", ".join(f"{a.kind} {a.name}" for a in plan.undecided)
    if undecided:
        to, reason = Change.State.READY, f"Choose what becomes of {undecided}."
    elif change.interactive and not confirmed:
        to, reason = Change.State.READY, ""
    else:
        to, reason = Change.State.WAITING, ""
    until = timezone.now() + timedelta(seconds=settings.CHANGE_CONFIRM_SECONDS)
    transition(
        change,
        to,
        reason=f"{moved} {reason}".strip(),
        confirm_until=until if to == Change.State.READY else None,
    )
    events.moved(change)


def keep_plan(change: Change, plan: Plan) -> None:
    change.plan = plan.to_json()
    change.plan_hash = plan.bound_hash
    change.base = plan.base
    change.planned_at = timezone.now()
    change.failures = 0
    gating.keep(change, gating.evaluate(change, plan))
    kept = ["plan", "plan_hash", "base", "planned_at", "failures", *gating.KEPT]
    change.save(update_fields=kept)


def differences(old: Plan, new: Plan, limit: int = 10) -> str:
    """What moved between two plans, in words: objects that came, went or read differently."""
    before = {a.key: a for a in old.effective}
    after = {a.key: a for a in new.effective}
    said = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        if was is None and now is not None:
            said.append(f"{now.kind} {now.name} would now be {_done(now.verb)}")
        elif now is None and was is not None:
            said.append(f"{was.kind} {was.name} would no longer be {_done(was.verb)}")
        elif was is not None and now is not None:
            known = {f.path: f for f in was.fields}
            paths = [f.path for f in now.fields if known.get(f.path) != f]
            said.append(f"{now.kind} {now.name}: {', '.join(paths[:3]) or now.verb} differs")
    if not said:
        return "what it was planned from is another version"
    more = f" and {len(said) - limit} more" if len(said) > limit else ""
    return "; ".join(said[:limit]) + more


def _done(verb: str) -> str:
    return {"create": "created", "update": "updated", "replace": "replaced"}.get(verb, "deleted")
