"""`only` and `except`: the older way to say when a job is in.

https://docs.gitlab.com/ci/yaml/deprecated_keywords/: without rules, only and except a job is in
pipelines of branches and tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.engine import expressions, patterns
from pipelines.engine.context import Context
from pipelines.engine.planned import Decision
from pipelines.engine.problems import Where, error, nearest, short
from pipelines.engine.source import Items, Map

_KEYS = frozenset({"refs", "variables", "changes", "kubernetes"})
_SOURCES = {
    "api": "api",
    "chat": "chat",
    "external": "external",
    "external_pull_requests": "external_pull_request_event",
    "merge_requests": "merge_request_event",
    "pipelines": "pipeline",
    "pushes": "push",
    "schedules": "schedule",
    "triggers": "trigger",
    "web": "web",
}


def decide(
    job: tuple[str, Where], only: Any, out: Any, values: Mapping[str, str], context: Context
) -> Decision:
    """In when all parts of `only` hold (default: branches and tags), and none of `except`."""
    where = job[1]
    named = "only" if only is not None else "only: [branches, tags], the default"
    for key, holds in _parts(("only", *job), only, values, context):
        if not holds:
            return Decision(False, f"{named} does not hold ({key})", where)
    if only is None and context.merge_request:
        reason = "without rules it is in pipelines of branches and tags, not of merge requests"
        return Decision(False, reason, where)
    for key, holds in _parts(("except", *job), out, values, context):
        if holds:
            return Decision(False, f"except holds ({key})", where)
    return Decision(True, f"{named} holds" if only is not None else named, where)


def _parts(
    part: tuple[str, str, Where], given: Any, values: Mapping[str, str], context: Context
) -> list[tuple[str, bool]]:
    name, owner, where = part
    if given is None:
        return []
    if not isinstance(given, Map):
        return [("refs", _refs(given, name, owner, where, context))]
    unknown = sorted(given.keys() - _KEYS)
    if unknown:
        message = f"{name} of {owner} has the unknown key “{short(unknown[0])}”."
        raise error(given.at(unknown[0]), "unknown-key", message, nearest(unknown[0], _KEYS))
    found: list[tuple[str, bool]] = []
    if "refs" in given:
        found.append(("refs", _refs(given["refs"], name, owner, given.at("refs"), context)))
    elif name == "only":
        found.append(("refs", not context.merge_request))
    if "variables" in given:
        found.append(("variables", _variables(given, owner, values)))
    if "changes" in given:
        found.append(("changes", _changes(given, owner, context)))
    if "kubernetes" in given:
        found.append(("kubernetes", False))
    return found


def _list(given: Any, name: str, owner: str, where: Where) -> list[str]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise error(where, name, f"{name} of {owner} takes a list of refs.", "Write [branches].")
    return listed


def _refs(given: Any, name: str, owner: str, where: Where, context: Context) -> bool:
    return any(_ref(one, name, owner, where, context) for one in _list(given, name, owner, where))


def _ref(one: str, name: str, owner: str, where: Where, context: Context) -> bool:
    bare, _, project = one.partition("@")
    if project and not one.startswith("/") and project != context.project:
        return False
    if bare in _SOURCES:
        return context.source == _SOURCES[bare]
    if bare in {"branches", "tags"}:
        is_tag = bool(context.tag)
        return not context.merge_request and is_tag is (bare == "tags")
    if patterns.parse_slashes(one) is None:
        return bare == context.ref and not context.merge_request
    try:
        return patterns.matches(context.ref, one) and not context.merge_request
    except patterns.PatternError as fault:
        message = f"“{short(one)}” in {name} of {owner} cannot be used: {fault}."
        raise error(where, name, message, "Mend the pattern.") from None


def _variables(given: Map, owner: str, values: Mapping[str, str]) -> bool:
    try:
        listed = _list(given["variables"], "variables", owner, given.at("variables"))
        return any(expressions.parse(text).evaluate(values) for text in listed)
    except expressions.ExpressionError as fault:
        message = f"variables in only or except of {owner}: {fault}."
        raise error(given.at("variables"), "variables", message, "Mend it.") from None


def _are_globs(listed: Any) -> bool:
    return (
        isinstance(listed, Items)
        and len(listed) <= patterns.MAX_GLOBS
        and all(isinstance(one, str) for one in listed)
    )


def _changes(given: Map, owner: str, context: Context) -> bool:
    where = given.at("changes")
    if context.changed is None or context.source not in {"push", "merge_request_event"}:
        return True
    listed = given["changes"]
    if not _are_globs(listed):
        raise error(
            where, "changes", f"changes of {owner} takes at most 50 paths.", "Write a list."
        )
    try:
        return context.changes.first(listed) is not None
    except patterns.PatternError as fault:
        raise error(where, "changes", f"A pattern is wrong: {fault}.", "Mend it.") from None
