"""`changes` and `exists`: the clauses of a rule that look at files, here and in other projects.

https://docs.gitlab.com/ci/yaml/#ruleschanges and https://docs.gitlab.com/ci/yaml/#rulesexists
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.engine import patterns
from pipelines.engine.context import Context
from pipelines.engine.planned import Clause
from pipelines.engine.problems import error, nearest, short
from pipelines.engine.source import Items, Map
from pipelines.engine.sources import SourceError
from pipelines.engine.variables import substitute

_KEYS = {
    "changes": frozenset({"paths", "regexp", "compare_to"}),
    "exists": frozenset({"paths", "regexp", "project", "ref"}),
}
_PUSHES = frozenset({"push", "merge_request_event", "external_pull_request_event"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Which files a clause looks for, and where."""

    globs: tuple[str, ...] = ()
    regexp: str = ""
    compare_to: str = ""
    project: str = ""
    ref: str = ""

    def words(self, key: str) -> str:
        listed = ", ".join(map(short, self.globs[:5])) or short(self.regexp)
        where = f" in {short(self.project)}" if self.project else ""
        since = f" since {short(self.compare_to)}" if self.compare_to else ""
        return f"{key}: {listed}{where}{since}"


def asked(rule: Map, key: str) -> Asked:
    """What stands below `changes` or `exists`, judged by its form."""
    given = rule[key]
    if not isinstance(given, Map):
        return Asked(globs=_listed(rule, key, given))
    for name in given:
        if name not in _KEYS[key]:
            fix = nearest(name, _KEYS[key]) or f"Known are {', '.join(sorted(_KEYS[key]))}."
            message = f"{key} has the unknown key “{short(name)}”."
            raise error(given.at(name), "unknown-key", message, fix)
    texts = {name: given.get(name) or "" for name in _KEYS[key] - {"paths"}}
    if not all(isinstance(text, str) for text in texts.values()):
        raise error(rule.at(key), key, f"{key} takes texts beside its paths.", "Quote them.")
    if ("paths" in given) == bool(texts["regexp"]):
        message = f"{key} takes paths or a regexp, one of them."
        raise error(rule.at(key), key, message, f"Write {key}: paths: [src/**/*].")
    if texts.get("ref") and not texts.get("project"):
        raise error(given.at("ref"), key, "ref goes with a project.", "Add project: group/name.")
    globs = _listed(rule, key, given["paths"]) if "paths" in given else ()
    return Asked(globs=globs, **texts)


def _listed(rule: Map, key: str, listed: object) -> tuple[str, ...]:
    if not isinstance(listed, Items) or not all(isinstance(one, str) for one in listed):
        raise error(rule.at(key), key, f"{key} takes a list of paths.", f"Write {key}: [src/**/*].")
    if len(listed) > patterns.MAX_GLOBS:
        message = f"{key} lists more than {patterns.MAX_GLOBS} patterns."
        raise error(rule.at(key), key, message, "Use ** to say several by one.")
    return tuple(listed)


def _put(rule: Map, key: str, values: Mapping[str, str]) -> Asked:
    found, where = asked(rule, key), rule.at(key)
    return Asked(
        tuple(substitute(one, values, where) for one in found.globs),
        found.regexp,
        *(substitute(text, values, where) for text in (found.compare_to, found.project, found.ref)),
    )


def changes(rule: Map, values: Mapping[str, str], context: Context) -> Clause:
    """Holds when a file of the push, or since another ref, fits; and where that is not known."""
    wanted = _put(rule, "changes", values)
    text = context.concealed(wanted.words("changes"))
    if wanted.compare_to:
        since = _since(rule, wanted.compare_to, context)
        if since is None:
            return Clause(text, True, "what changed since then is not known, and changes holds")
        return _searched(rule, "changes", wanted, since, text)
    if context.tag or context.source not in _PUSHES:
        return Clause(text, True, "changes always holds without a push to a branch")
    if context.changed is None:
        return Clause(text, True, "what changed is not known, and then changes holds")
    return _searched(rule, "changes", wanted, context.changes, text)


def _since(rule: Map, ref: str, context: Context) -> patterns.Lookup | None:
    try:
        return context.since(ref)
    except SourceError as fault:
        where = rule.at("changes")
        message = f"changes:compare_to (“{short(ref)}”) cannot be judged: {fault}."
        raise error(
            where, "changes", message, fault.fix or "Name a branch, tag or commit."
        ) from None


def exists(rule: Map, values: Mapping[str, str], context: Context) -> Clause:
    """Holds when a file of the commit fits, or of another project that may be read."""
    wanted = _put(rule, "exists", values)
    text = context.concealed(wanted.words("exists"))
    if not wanted.project:
        return _searched(rule, "exists", wanted, context.tree, text)
    where = rule.at("exists")
    try:
        tree = context.tree_of(wanted.project, wanted.ref)
    except SourceError as fault:
        message = f"exists:project (“{short(wanted.project)}”) is not read: {fault}."
        raise error(where, "exists", message, fault.fix) from None
    if tree is None:
        message = f"exists:project (“{short(wanted.project)}”) is not there, or may not be read."
        raise error(where, "exists", message, "Check project and ref, and that you may read it.")
    return _searched(rule, "exists", wanted, tree, text)


def _searched(rule: Map, key: str, wanted: Asked, files: patterns.Lookup, text: str) -> Clause:
    verb = "changed" if key == "changes" else "is there"
    try:
        found = files.fitting(wanted.regexp) if wanted.regexp else files.first(wanted.globs)
    except patterns.PatternError as fault:
        raise error(
            rule.at(key), key, f"A pattern of {key} is wrong: {fault}.", "Mend it."
        ) from None
    because = f"{found[1]} {verb}" if found else f"no such file {verb}"
    return Clause(text, found is not None, because)
