"""`needs` and `dependencies` as written in a job, before they are matched with what is there.

https://docs.gitlab.com/ci/yaml/#needs
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.engine.parallel import combinations, rows, size
from pipelines.engine.planned import NeedElsewhere
from pipelines.engine.problems import Where, error, nearest, short
from pipelines.engine.source import Items, Map

MAX_NEEDS = 50
MAX_ELSEWHERE = 5
_KEYS = frozenset({"job", "artifacts", "optional", "parallel", "project", "ref", "pipeline"})


@dataclass(frozen=True, slots=True)
class Need:
    job: str
    where: Where
    artifacts: bool = True
    optional: bool = False
    matrix: tuple[tuple[tuple[str, str], ...], ...] = ()  # empty: all instances


def read_needs(given: Any, owner: str, where: Where) -> tuple[Need, ...] | None:
    """The jobs that are needed; None where needs is not given, which differs from an empty list."""
    if given is None:
        return None
    if isinstance(given, (str, Map)):
        given = _alone(given, where)
    if not isinstance(given, Items):
        raise error(where, "needs", f"needs of {owner} takes a list of jobs.", "Write [build].")
    inside = [(one, place) for one, place in _flat(given) if not _is_elsewhere(one)]
    found = [_need(one, owner, place) for one, place in inside]
    if len(found) > MAX_NEEDS:
        message = f"{owner} needs {len(found)} jobs; {MAX_NEEDS} are the most."
        raise error(where, "needs-limit", message, "Need a job that gathers them.")
    return tuple(found)


def _is_elsewhere(one: Any) -> bool:
    return isinstance(one, Map) and not one.keys().isdisjoint({"project", "pipeline"})


def read_elsewhere(given: Any, owner: str) -> tuple[NeedElsewhere, ...]:
    """`needs:project` and `needs:pipeline`; at most five of other projects."""
    items = _alone(given, given.where) if isinstance(given, Map) else given
    if not isinstance(items, Items):
        return ()
    found = [_elsewhere(one, owner) for one, _ in _flat(items) if _is_elsewhere(one)]
    if len(found) > MAX_ELSEWHERE:
        message = f"{owner} needs {len(found)} jobs of other pipelines; {MAX_ELSEWHERE} at most."
        raise error(found[-1].where, "needs-limit", message, "Gather their artifacts in one job.")
    return tuple(found)


def _elsewhere(one: Map, owner: str) -> NeedElsewhere:
    _judge_keys(one, owner)
    texts = {key: one.get(key) for key in ("project", "ref", "pipeline", "job")}
    asked = ("project", "job", "ref") if one.get("project") is not None else ("pipeline",)
    for key, text in texts.items():
        if key in asked and not text:
            message = f"needs:{asked[0]} of {owner} names no {key}."
            raise error(one.where, f"needs-{asked[0]}", message, f"Add {key}: …")
        if text is not None and not isinstance(text, (str, int)):
            message = f"needs:{key} of {owner} takes a text."
            raise error(one.at(key), f"needs-{asked[0]}", message, "Write a text.")
    named = {key: "" if text is None else str(text) for key, text in texts.items()}
    return NeedElsewhere(where=one.where, artifacts=one.get("artifacts") is not False, **named)


def _judge_keys(one: Map, owner: str) -> None:
    unknown = sorted(one.keys() - _KEYS)
    if unknown:
        message = f"A need of {owner} has the unknown key “{short(unknown[0])}”."
        raise error(one.at(unknown[0]), "unknown-key", message, nearest(unknown[0], _KEYS))


def _alone(given: Any, where: Where) -> Items:
    items = Items(where)
    items.put(given, where)
    return items


def _flat(given: Items) -> list[tuple[Any, Where]]:
    """Lists in the list come from !reference."""
    found: list[tuple[Any, Where]] = []
    for one, place in given.pairs():
        found += one.pairs() if isinstance(one, Items) else [(one, place)]
    return found


def _need(one: Any, owner: str, where: Where) -> Need:
    if isinstance(one, str):
        return Need(one, where)
    if not isinstance(one, Map):
        raise error(
            where, "needs", f"A need of {owner} is a job's name or a map.", "Write - build."
        )
    _judge_keys(one, owner)
    if not isinstance(one.get("job"), str):
        raise error(where, "needs", f"A need of {owner} names no job.", "Add job: build.")
    return Need(
        one["job"],
        where,
        artifacts=one.get("artifacts") is not False,
        optional=one.get("optional") is True,
        matrix=_matrix(one.get("parallel"), owner, one.at("parallel")),
    )


def _matrix(given: Any, owner: str, where: Where) -> tuple[tuple[tuple[str, str], ...], ...]:
    if given is None:
        return ()
    if not isinstance(given, Map) or list(given) != ["matrix"]:
        message = f"parallel in a need of {owner} takes a matrix."
        raise error(where, "needs", message, "Write parallel: matrix: …")
    listed = rows(given["matrix"], f"a need of {owner}", where)
    if size(listed) > MAX_NEEDS * 4:
        raise error(where, "needs-limit", f"A need of {owner} names too many jobs.", "Name all.")
    return tuple(tuple(values.items()) for values in combinations(listed))


def read_dependencies(given: Any, owner: str, where: Where) -> tuple[str, ...] | None:
    """The jobs whose artifacts are wanted; None: those of all earlier stages."""
    if given is None:
        return None
    if not isinstance(given, Items) or not all(isinstance(one, str) for one in given):
        message = f"dependencies of {owner} takes a list of jobs."
        raise error(where, "dependencies", message, "Write [build].")
    return tuple(given)
