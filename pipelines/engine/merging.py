"""How maps come together: `include` and `extends` merge deeply, lists and values are replaced.

https://docs.gitlab.com/ci/yaml/#extends and https://docs.gitlab.com/ci/yaml/includes/
"""

from __future__ import annotations

from typing import Any

from pipelines.engine.problems import MAX_PROBLEMS, ConfigError, Problem, Where, nearest, short
from pipelines.engine.source import MAX_DEPTH, Items, Map, Reference

MAX_LEVELS = 11
MAX_REFERENCES = 10
MAX_RESOLVED = 400_000
_HOLDERS = (Map, Items, Reference)


def deep_merge(base: Map, over: Map) -> Map:
    """A new map: `over` wins, maps in both are merged; places are those of what won."""
    merged = base.copy()
    merged.where = over.where
    for key, value in over.items():
        mine = merged.get(key)
        if isinstance(mine, Map) and isinstance(value, Map):
            merged.put(key, deep_merge(mine, value), over.at(key))
        else:
            merged.put(key, value, over.at(key))
    return merged


class Extending:
    """Resolves `extends` of all jobs, each once; collects what is wrong by job."""

    def __init__(self, config: Map) -> None:
        self.config = config
        self.problems: list[Problem] = []
        self.chains: dict[str, tuple[str, ...]] = {}
        self._done: dict[str, tuple[Map, int]] = {}

    def run(self) -> Map:
        resolved = self.config.copy()
        for name, job in self.config.items():
            if len(self.problems) >= MAX_PROBLEMS:
                break
            if isinstance(job, Map) and "extends" in job:
                try:
                    resolved[name] = self._resolve(name, ())[0]
                except ConfigError as fault:
                    self.problems.extend(fault.problems)
        return resolved

    def _resolve(self, name: str, above: tuple[str, ...]) -> tuple[Map, int]:
        """The job with its parents merged in, and how many levels lie above it."""
        if name in self._done:
            found = self._done[name]
            self._judge_level(name, len(above) + found[1])
            return found
        job = self.config[name]
        if name in above:
            circle = " → ".join((*above[above.index(name) :], name))
            raise self._wrong(
                job, "extends-cycle", f"extends runs in a circle: {circle}.", "Break it."
            )
        self._judge_level(name, len(above))
        merged, level, chain = Map(job.where), 0, list[str]()
        for parent in self._parents(name, job):
            base, depth = self._resolve(parent, (*above, name))
            merged, level = deep_merge(merged, base), max(level, depth + 1)
            chain += [*self.chains.get(parent, ()), parent]
        merged = deep_merge(merged, job)
        merged.pop("extends", None)
        self.chains[name] = tuple(dict.fromkeys(chain))
        self._done[name] = (merged, level)
        return self._done[name]

    def _judge_level(self, name: str, level: int) -> None:
        if level > MAX_LEVELS:
            message = f"“{short(name)}” is extended over more than {MAX_LEVELS} levels."
            raise self._wrong(self.config[name], "extends-depth", message, "Merge some of them.")

    def _parents(self, name: str, job: Map) -> list[str]:
        given = job.get("extends")
        parents = [] if given is None else [given] if isinstance(given, str) else given
        if not isinstance(parents, list) or not all(isinstance(one, str) for one in parents):
            message = f"extends of “{short(name)}” takes a name or a list of names."
            raise self._wrong(job, "extends", message, "Write extends: .base.")
        for parent in parents:
            if not isinstance(self.config.get(parent), Map):
                message = f"“{short(name)}” extends “{short(parent)}”, which is not defined."
                fix = nearest(parent, list(self.config)) or "Define it, or remove the name."
                raise self._wrong(job, "extends-unknown", message, fix)
        return list(parents)

    def _wrong(self, job: Map, rule: str, message: str, fix: str) -> ConfigError:
        return ConfigError([Problem(job.at("extends"), rule, message, fix)])


class Referencing:
    """Puts the values of `!reference` in place, after `extends`."""

    def __init__(self, config: Map) -> None:
        self.config = config
        self.problems: list[Problem] = []
        self._nodes = 0

    def run(self) -> Map:
        resolved = self.config.copy()
        for name, value in self.config.items():
            try:
                resolved[name] = self._walk(value, (), 0)
            except ConfigError as fault:
                self.problems.extend(fault.problems)
        return resolved

    def _walk(self, value: Any, trail: tuple[Reference, ...], depth: int) -> Any:
        """The value with references put in; the same object where there was none."""
        if isinstance(value, Reference):
            return self._walk(self._found(value, trail), (*trail, value), depth)
        if isinstance(value, (Map, Items)):
            if depth > MAX_DEPTH:
                raise self._too_deep(value, trail)
            return self._children(value, trail, depth)
        return value

    def _children(self, value: Map | Items, trail: tuple[Reference, ...], depth: int) -> Any:
        copy: Any = None
        for key, child in value.items() if isinstance(value, Map) else enumerate(value):
            if not isinstance(child, _HOLDERS):
                continue
            new = self._walk(child, trail, depth + 1)
            if new is not child:
                copy = value.copy() if copy is None else copy
                copy[key] = new
        if trail or copy is not None:
            self._count(len(value) + 1, value.where)
        return value if copy is None else copy

    def _too_deep(self, value: Map | Items, trail: tuple[Reference, ...]) -> ConfigError:
        where = trail[0].where if trail else value.where
        message = f"!reference nests values more than {MAX_DEPTH} deep."
        return ConfigError([Problem(where, "depth", message, "Refer to less.")])

    def _count(self, nodes: int, where: Where) -> None:
        self._nodes += nodes
        if self._nodes > MAX_RESOLVED:
            message = f"!reference brings in more than {MAX_RESOLVED} values."
            raise ConfigError([Problem(where, "size", message, "Refer to less.")])

    def _found(self, reference: Reference, trail: tuple[Reference, ...]) -> Any:
        shown = f"!reference [{', '.join(map(short, reference.path))}]"
        if any(reference.path == one.path for one in trail):
            problem = Problem(
                reference.where, "reference-cycle", f"{shown} leads back to itself.", "Break it."
            )
            raise ConfigError([problem])
        if len(trail) >= MAX_REFERENCES:
            message = f"{shown} is nested more than {MAX_REFERENCES} deep."
            raise ConfigError(
                [Problem(reference.where, "reference-depth", message, "Refer directly.")]
            )
        here: Any = self.config
        for part in reference.path:
            if not isinstance(here, Map) or part not in here:
                fix = nearest(part, list(here)) if isinstance(here, Map) else ""
                message = f"{shown}: there is no “{short(part)}”."
                raise ConfigError([Problem(reference.where, "reference-unknown", message, fix)])
            here = here[part]
        return here
