"""Approving and rejecting: bound to one plan, never by the person who asked."""

from __future__ import annotations

from idp.changes import endings, events, people
from idp.changes.models import Approval, Change
from idp.changes.plans import Plan
from idp.changes.services import rows
from idp.common.errors import Forbidden, Refusal
from rbac import audit
from rbac.access import require
from rbac.actors import Actor

_OPEN = (Change.State.READY, Change.State.WAITING)


def approve(actor: Actor, change: Change, plan_hash: str, comment: str = "") -> Change:
    """One person's yes to this plan; a second yes of the same person changes nothing.

    When it is the last one that was missing, the change goes by itself.
    """
    _may_answer(actor, change)
    with rows.locked(change) as row:
        rows.expect(row, *_OPEN, to="approved")
        rows.expect_plan(row, plan_hash)
        if row.plan and Plan.from_json(row.plan).undecided:
            raise Refusal(
                "It is not chosen yet what becomes of the data that would be lost.",
                fix=f"{row.actor_label} chooses and confirms first; then approve.",
            )
        _answer(actor, row, Approval.Answer.APPROVE, comment)
        events.moved(row)
        if row.state == Change.State.WAITING:
            rows.send(row)
    return row


def reject(actor: Actor, change: Change, plan_hash: str, comment: str) -> Change:
    """One person's no to this plan, with the reason; the change ends refused."""
    _may_answer(actor, change)
    comment = rows.text(comment, field="comment", required=True)
    with rows.locked(change) as row:
        rows.expect(row, *_OPEN, to="rejected")
        rows.expect_plan(row, plan_hash)
        _answer(actor, row, Approval.Answer.REJECT, comment)
        reason = f"{actor.label} rejected it: {comment}"
        endings.end(row, Change.State.REFUSED, reason=reason)
    return row


def _may_answer(actor: Actor, change: Change) -> None:
    require(actor, "change.approve", change.scope)
    if rows.person(actor, "approve or reject").pk in people.asked(change):
        raise Forbidden(
            "You asked for this change or confirmed it, so its approval must come from someone"
            " else.",
            fix=f"Ask another person with change.approve at {change.scope}.",
        )


def _answer(actor: Actor, change: Change, answer: Approval.Answer, comment: str) -> None:
    _, new = Approval.objects.get_or_create(
        change=change,
        plan_hash=change.plan_hash,
        approver=actor.user,
        defaults={"answer": answer, "comment": rows.text(comment, field="comment")},
    )
    if new:
        audit.record(
            actor,
            f"change.{answer}",
            target=change,
            scope=change.scope,
            after={"plan": change.plan_hash, "comment": comment},
            change_id=change.pk,
        )
        events.emit(change, "approval", {"by": actor.label, "answer": answer, "comment": comment})
