"""Conditions over facts: CEL text of a rule, judged for one change and its plan."""

from __future__ import annotations

from idp.changes import gates
from idp.changes.models import Change
from idp.changes.plans import Plan
from idp.common import expressions
from idp.common.errors import Invalid


def check(text: str) -> None:
    """Refuse a condition that is no expression; a plan's own facts may be named besides."""
    expressions.compile(text, gates.registered_facts() | frozenset(PLAN_FACTS))


# Facts that plans of upper apps say themselves; a rule may name them before any plan does.
PLAN_FACTS: set[str] = set()


def holds(text: str, change: Change, plan: Plan) -> bool:
    """Whether the condition is true; raises `Invalid` that names an unknown fact or a misfit."""
    expression = expressions.compile(text, gates.fact_names(plan))
    answer = expression.evaluate(gates.facts_of(change, plan, frozenset(expression.names)))
    if not isinstance(answer, bool):
        raise Invalid(
            f"“{text}” gave {answer!r}, not true or false.",
            fix="Compare the value with something.",
        )
    return answer
