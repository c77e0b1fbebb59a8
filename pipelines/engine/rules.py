"""`rules`, `only`/`except` and `workflow:rules`: whether a job is in, how, and what decided.

https://docs.gitlab.com/ci/yaml/#rules: the first rule whose clauses all hold decides; a job with
rules of which none holds stays out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.engine import expressions, filerules
from pipelines.engine.context import Context
from pipelines.engine.planned import Clause, Decision, Judged
from pipelines.engine.problems import Where, error, nearest, short
from pipelines.engine.source import Items, Map
from pipelines.engine.values.forms import At
from pipelines.engine.values.simple import read_flag, read_start_in
from pipelines.engine.variables import read_variables

MAX_RULES = 200
WHENS = ("on_success", "on_failure", "always", "manual", "delayed", "never")
RULE_KEYS = frozenset(
    {
        "if",
        "changes",
        "exists",
        "when",
        "start_in",
        "allow_failure",
        "variables",
        "needs",
        "interruptible",
        "auto_cancel",
    }
)
WORKFLOW_WHENS = ("always", "never")


def check_rules(rules: Any, owner: str, where: Where) -> tuple[Map, ...]:
    """The rules as a flat list; `ConfigError` names the rule that is wrong."""
    flat: list[Map] = []
    for rule, place in _flattened(rules, owner, where, 0):
        if not isinstance(rule, Map):
            raise error(place, "rules", f"A rule of {owner} is a map.", "Write - if: …")
        _check_rule(rule, owner)
        flat.append(rule)
    if len(flat) > MAX_RULES:
        raise error(where, "rules", f"{owner} has more than {MAX_RULES} rules.", "Merge some.")
    return tuple(flat)


def _flattened(rules: Any, owner: str, where: Where, depth: int) -> list[tuple[Any, Where]]:
    """Lists in lists come from !reference."""
    if not isinstance(rules, Items) or depth > 10:  # noqa: PLR2004 - as deep as references nest
        raise error(
            where, "rules", f"rules of {owner} is a list.", "Write rules: with - if: … below."
        )
    found: list[tuple[Any, Where]] = []
    for rule, place in rules.pairs():
        found += (
            _flattened(rule, owner, place, depth + 1)
            if isinstance(rule, Items)
            else [(rule, place)]
        )
    return found


def _check_rule(rule: Map, owner: str) -> None:
    for key in rule:
        if key not in RULE_KEYS:
            fix = nearest(key, RULE_KEYS) or f"Known are {', '.join(sorted(RULE_KEYS))}."
            message = f"A rule of {owner} has the unknown key “{short(key)}”."
            raise error(rule.at(key), "unknown-key", message, fix)
    when = rule.get("when")
    if when is not None and when not in WHENS:
        message = f"when: {short(when)} in a rule of {owner} is not known."
        fix = nearest(str(when), WHENS) or f"Use one of {', '.join(WHENS)}."
        raise error(rule.at("when"), "when", message, fix)
    if when == "delayed" and not rule.get("start_in"):
        message = f"A delayed rule of {owner} needs start_in."
        raise error(rule.at("when"), "start_in", message, "Add start_in: 30 minutes.")
    if rule.get("start_in") is not None:
        read_start_in(rule["start_in"], At(owner, "start_in", rule.at("start_in")))
    if rule.get("interruptible") is not None:
        read_flag(rule["interruptible"], At(owner, "interruptible", rule.at("interruptible")))
    if "if" in rule:
        _parsed(rule, owner)
    for key in ("changes", "exists"):
        if key in rule:
            filerules.asked(rule, key)
    read_variables(rule.get("variables"), owner, rule.at("variables"))


def _parsed(rule: Map, owner: str) -> expressions.Expression:
    text = rule["if"]
    if not isinstance(text, str):
        raise error(
            rule.at("if"), "if", f"if in a rule of {owner} is text.", 'Write if: $NAME == "…".'
        )
    try:
        return expressions.parse(text)
    except expressions.ExpressionError as fault:
        message = f"“{short(text)}” in {owner} is no expression: {fault}."
        fix = 'Write like $CI_COMMIT_BRANCH == "main" && $X =~ /^a/.'
        raise error(rule.at("if"), "if", message, fix) from None


def judge(
    rules: Sequence[Map], owner: str, values: Mapping[str, str], context: Context
) -> tuple[Map | None, tuple[Judged, ...]]:
    """The first rule that holds, and all that were looked at on the way."""
    judged: list[Judged] = []
    for number, rule in enumerate(rules, start=1):
        clauses = _clauses(rule, owner, values, context)
        holds = all(clause.holds for clause in clauses)
        judged.append(Judged(number, rule.where, holds, clauses))
        if holds:
            return rule, tuple(judged)
    return None, tuple(judged)


def _clauses(
    rule: Map, owner: str, values: Mapping[str, str], context: Context
) -> tuple[Clause, ...]:
    found: list[Clause] = []
    if rule.get("if") is not None:
        found.append(_judged_if(rule, owner, values, context))
    if rule.get("changes") is not None and all(clause.holds for clause in found):
        found.append(filerules.changes(rule, values, context))
    if rule.get("exists") is not None and all(clause.holds for clause in found):
        found.append(filerules.exists(rule, values, context))
    return tuple(found)


def _judged_if(rule: Map, owner: str, values: Mapping[str, str], context: Context) -> Clause:
    expression = _parsed(rule, owner)
    try:
        holds = expression.evaluate(values)
    except expressions.ExpressionError as fault:
        message = f"“{short(expression.text)}” in {owner} cannot be judged: {fault}."
        raise error(rule.at("if"), "if", message, "Mend the variable's pattern.") from None
    known = [f"${name} is {_shown(values.get(name), context)}" for name in expression.names]
    return Clause(f"if: {expression.text}", holds, ", ".join(known))


def _shown(value: str | None, context: Context) -> str:
    return "not set" if value is None else f"“{short(context.concealed(value))}”"


def decide(
    rules: Sequence[Map], owner: str, values: Mapping[str, str], context: Context
) -> Decision:
    """What rules say of a job, whose own place stands in where none of them holds."""
    rule, judged = judge(rules, owner, values, context)
    if rule is None:
        reason = f"none of its {len(rules)} rules holds" if rules else "its list of rules is empty"
        return Decision(False, reason, rules[0].where if rules else Where(""), judged=judged)
    number = len(judged)
    when = str(rule.get("when") or "")
    clauses = "; ".join(clause.text for clause in judged[-1].clauses) or "without a condition"
    reason = f"rule {number} ({rule.where}) holds: {short(clauses, 200)}"
    if when == "never":
        return Decision(False, f"{reason}, and says when: never", rule.where, when, judged=judged)
    return Decision(
        included=True,
        reason=reason,
        where=rule.where,
        when=when,
        start_in=str(rule.get("start_in") or ""),
        allow_failure=rule.get("allow_failure"),
        interruptible=rule.get("interruptible"),
        needs=rule.get("needs"),
        auto_cancel=rule.get("auto_cancel"),
        variables=read_variables(rule.get("variables"), owner, rule.where),
        judged=judged,
    )
