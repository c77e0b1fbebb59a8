"""Approval rules: who edits them and what a condition may say."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from idp.changes import conditions
from idp.changes.models import ApprovalRule
from idp.common.errors import Clash, FieldError, Invalid
from rbac import audit
from rbac.access import require
from rbac.actors import Actor

MAX_NEEDED = 10


def save_rule(actor: Actor, rule: ApprovalRule) -> ApprovalRule:
    """Create or change a rule; the condition is compiled first. Raises `Invalid`, `Clash`."""
    require(actor, "gate.manage", rule.scope)
    before = None
    if rule.pk:
        old = ApprovalRule.objects.select_related("scope").get(pk=rule.pk)
        require(actor, "gate.manage", old.scope)
        before = said(old)
    check_rule(rule)
    try:
        with transaction.atomic():
            rule.save()
            audit.record(
                actor,
                "gate.manage",
                target=rule,
                scope=rule.scope,
                before=before,
                after=said(rule),
            )
    except IntegrityError as error:
        raise Clash(f"A rule “{rule.name}” exists.", fix="Choose another name.") from error
    return rule


def check_rule(rule: ApprovalRule) -> None:
    """Raise `Invalid`, by field, for what can never be judged or fulfilled."""
    if not 1 <= rule.needed <= MAX_NEEDED:
        message = f"1 to {MAX_NEEDED} people can be asked for."
        raise Invalid(message, errors=[FieldError("needed", "range", message, "Choose fewer.")])
    try:
        conditions.check(rule.condition)
    except Invalid as error:
        found = FieldError("condition", "expression", error.message, error.fix)
        raise Invalid(error.message, fix=error.fix, errors=[found]) from error


def delete_rule(actor: Actor, rule: ApprovalRule) -> None:
    require(actor, "gate.manage", rule.scope)
    with transaction.atomic():
        audit.record(actor, "gate.manage", target=rule, scope=rule.scope, before=said(rule))
        rule.delete()


def said(rule: ApprovalRule) -> dict[str, object]:
    """What a rule says, for the record."""
    return {
        "scope": rule.scope.label,
        "condition": rule.condition,
        "needed": rule.needed,
        "active": rule.active,
    }
