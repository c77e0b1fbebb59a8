"""One job of the expanded configuration: defaults put in, every keyword judged by its form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pipelines.engine import keywords
from pipelines.engine.needs import (
    Need,
    read_dependencies,
    read_elsewhere,
    read_needs,
)
from pipelines.engine.parallel import instances
from pipelines.engine.planned import Instance, NeedElsewhere
from pipelines.engine.problems import ConfigError, Problem, Where, error, nearest, short
from pipelines.engine.rules import WHENS, check_rules
from pipelines.engine.source import Items, Map
from pipelines.engine.values import trigger
from pipelines.engine.values.readers import read_work
from pipelines.engine.values.work import Work
from pipelines.engine.variables import Variable, read_variables

_T = TypeVar("_T")
MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class Job:
    """A job as written, before rules decide. `keys` has everything, defaults included."""

    name: str
    where: Where
    stage: str
    keys: Map = field(repr=False)
    extends: tuple[str, ...] = ()
    when: str = "on_success"
    start_in: str = ""
    rules: tuple[Map, ...] | None = None
    needs: tuple[Need, ...] | None = None
    dependencies: tuple[str, ...] | None = None
    variables: Mapping[str, Variable] = field(default_factory=dict)
    inherits: bool | tuple[str, ...] = True  # which global variables
    instances: tuple[Instance, ...] = ()
    work: Work = field(default=Work(), repr=False)
    elsewhere: tuple[NeedElsewhere, ...] = ()

    @property
    def script(self) -> tuple[str, ...]:
        return self.work.script


class JobReader:
    """Reads jobs against the stages, the defaults and the jobs' names of one configuration."""

    def __init__(
        self, stages: Sequence[str], defaults: Map, chains: Mapping[str, tuple[str, ...]]
    ) -> None:
        self.stages = tuple(stages)
        self.defaults = defaults
        self.chains = chains
        self.problems: list[Problem] = []

    def read(self, name: str, own: Map, where: Where) -> Job | None:
        """The job; None where something is wrong, which `problems` then says."""
        owner = f"“{short(name)}”"
        before = len(self.problems)
        keys = self._try(lambda: self._with_defaults(own, owner)) or own
        self._names(name, own, owner, where)
        stage = self._try(lambda: self._stage(keys, owner)) or keywords.DEFAULT_STAGE
        rules = self._try(lambda: self._rules(keys, owner))
        when = self._try(lambda: self._when(keys, owner)) or "on_success"
        needs = self._try(lambda: read_needs(keys.get("needs"), owner, keys.at("needs")))
        elsewhere = self._try(lambda: read_elsewhere(keys.get("needs"), owner))
        given = keys.get("dependencies")
        wanted = self._try(lambda: read_dependencies(given, owner, keys.at("dependencies")))
        variables = self._try(lambda: _variables(keys, owner))
        made = self._try(lambda: instances(name, keys.get("parallel"), keys.at("parallel")))
        work = read_work(keys, owner, self.problems)
        mirrors = any(not one.job for one in elsewhere or ())
        if not mirrors:
            self._try(lambda: _judge_doing(keys, own, work, owner))
        inherits = self._try(lambda: _inherited(own, "variables", owner))
        if len(self.problems) > before:
            return None
        return Job(
            name=name,
            where=where,
            stage=stage,
            keys=keys,
            extends=self.chains.get(name, ()),
            when=when,
            start_in=str(keys.get("start_in") or ""),
            rules=rules,
            needs=needs,
            dependencies=wanted,
            variables=variables or {},
            inherits=True if inherits is None else inherits,
            instances=made or (),
            work=work,
            elsewhere=elsewhere or (),
        )

    def _try(self, reading: Callable[[], _T]) -> _T | None:
        try:
            return reading()
        except ConfigError as fault:
            self.problems.extend(fault.problems)
            return None

    def _names(self, name: str, own: Map, owner: str, where: Where) -> None:
        if len(name) > MAX_NAME:
            message = f"The job's name {owner} has more than {MAX_NAME} characters."
            self.problems.append(Problem(where, "name", message, "Shorten it."))
        for key in own:
            if key not in keywords.JOB:
                fix = nearest(key, keywords.JOB) or "Remove it."
                message = f"{owner} has the unknown key “{short(key)}”."
                self.problems.append(Problem(own.at(key), "unknown-key", message, fix))

    def _with_defaults(self, own: Map, owner: str) -> Map:
        wanted = _inherited(own, "default", owner)
        merged = own.copy()
        for key, value in own.items():
            if value is None:
                merged.pop(key)
        for key, value in self.defaults.items():
            taken = wanted if isinstance(wanted, bool) else key in wanted
            if taken and key not in own:
                merged.put(key, value, self.defaults.at(key))
        return merged

    def _stage(self, keys: Map, owner: str) -> str:
        stage = keys.get("stage", keywords.DEFAULT_STAGE)
        if not isinstance(stage, str):
            raise error(keys.at("stage"), "stage", f"stage of {owner} is a name.", "Write test.")
        if stage not in self.stages:
            where = keys.at("stage")
            message = f"{owner} is in the stage “{short(stage)}”, which is not declared."
            fix = nearest(stage, self.stages) or f"Stages are {', '.join(self.stages[:12])}."
            raise error(where, "stage", message, fix)
        return stage

    def _rules(self, keys: Map, owner: str) -> tuple[Map, ...] | None:
        if "rules" not in keys:
            return None
        for key in ("only", "except"):
            if key in keys:
                message = f"{owner} has rules and {key}, which may not stand together."
                raise error(keys.at(key), "rules", message, f"Write {key} as a rule.")
        return check_rules(keys["rules"], owner, keys.at("rules"))

    def _when(self, keys: Map, owner: str) -> str:
        when = keys.get("when", "on_success")
        if when not in WHENS:
            message = f"when: {short(when)} of {owner} is not known."
            fix = nearest(str(when), WHENS) or f"Use one of {', '.join(WHENS)}."
            raise error(keys.at("when"), "when", message, fix)
        if when == "never":
            message = f"when: never of {owner} may stand in a rule only."
            raise error(keys.at("when"), "when", message, "Write rules: - when: never.")
        if when == "delayed" and not keys.get("start_in"):
            message = f"{owner} is delayed, but has no start_in."
            raise error(keys.at("when"), "start_in", message, "Add start_in: 30 minutes.")
        return str(when)


def _judge_doing(keys: Map, own: Map, work: Work, owner: str) -> None:
    """A job does one thing: it has a script, triggers a pipeline, or runs steps."""
    doers = [key for key in ("script", "trigger", "run") if key in keys]
    if not doers:
        message = f"{owner} has no script."
        raise error(keys.where, "script", message, "Add script, or begin its name with a dot.")
    if len(doers) > 1:
        message = f"{owner} has {' and '.join(doers)}; one of them is allowed."
        raise error(keys.at(doers[1]), "script", message, f"Remove {doers[1]}.")
    if doers == ["script"] and keys["script"] in ("", []):
        raise error(keys.at("script"), "script", f"script of {owner} is empty.", "Add a line.")
    if work.trigger is not None:
        for key in own:
            if key in keywords.JOB - trigger.ALLOWED and key in keys:
                message = f"{owner} triggers a pipeline, and “{key}” does nothing there."
                raise error(own.at(key), "trigger", message, f"Remove {key}.")


def _variables(keys: Map, owner: str) -> dict[str, Variable]:
    return read_variables(keys.get("variables"), owner, keys.at("variables"))


def _inherited(own: Map, key: str, owner: str) -> bool | tuple[str, ...]:
    """What `inherit:default` or `inherit:variables` says: all, nothing, or names."""
    inherit = own.get("inherit")
    if inherit is None:
        return True
    where = own.at("inherit")
    if not isinstance(inherit, Map) or inherit.keys() - {"default", "variables"}:
        message = f"inherit of {owner} takes default and variables."
        raise error(where, "inherit", message, "Write inherit: default: false.")
    given = inherit.get(key, True)
    if isinstance(given, bool):
        return given
    if not isinstance(given, Items) or not all(isinstance(one, str) for one in given):
        message = f"inherit:{key} of {owner} takes true, false or a list of names."
        raise error(where, "inherit", message, "Write [image].")
    return tuple(given)
