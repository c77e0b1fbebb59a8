"""From text to the expanded configuration: included, extended, referenced, read job by job."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.engine import keywords
from pipelines.engine.context import Context, merged
from pipelines.engine.includes import Including
from pipelines.engine.inputs import Input
from pipelines.engine.jobs import Job, JobReader
from pipelines.engine.merging import Extending, Referencing
from pipelines.engine.problems import (
    MAX_PROBLEMS,
    ConfigError,
    Problem,
    Where,
    error,
    nearest,
    short,
)
from pipelines.engine.rules import check_rules
from pipelines.engine.source import Items, Map
from pipelines.engine.values.auto_cancel import DEFAULT, AutoCancel, read_auto_cancel
from pipelines.engine.values.forms import At
from pipelines.engine.variables import Variable, expand, read_variables

MAX_JOBS = 10_000
FILE = ".gitlab-ci.yml"


@dataclass(frozen=True)
class Config:
    """An expanded configuration, ready to be planned."""

    file: str
    digest: str  # of the root file's text
    stages: tuple[str, ...]
    variables: Mapping[str, Variable]
    jobs: Mapping[str, Job]
    tree: Map = field(repr=False)
    workflow: tuple[Map, ...] | None = None
    name: str = ""
    auto_cancel: AutoCancel = DEFAULT
    files: tuple[str, ...] = ()
    inputs: Mapping[str, Input] = field(default_factory=dict)  # that the file declares
    warnings: tuple[Problem, ...] = ()


def load(data: bytes | str, context: Context, file: str = FILE) -> Config:
    """The configuration; `ConfigError` with everything that is wrong, by file and line."""
    values = expand(merged(context.predefined(), *context.outside()))
    including = Including(context, values)
    tree = including.run(data, file)
    tree, chains = _expanded(tree)
    problems: list[Problem] = []
    stages = _stages(tree)
    jobs = _jobs(tree, JobReader(stages, _defaults(tree), chains), problems)
    if problems:
        raise ConfigError(problems)
    workflow, name, auto_cancel = _workflow(tree)
    raw = data.encode() if isinstance(data, str) else data
    return Config(
        file=file,
        digest=hashlib.sha256(raw).hexdigest(),
        stages=stages,
        variables=read_variables(tree.get("variables"), "the file", tree.at("variables")),
        jobs=jobs,
        tree=tree,
        workflow=workflow,
        name=name,
        auto_cancel=auto_cancel,
        files=tuple(including.files),
        inputs=including.spec.inputs if including.spec else {},
        warnings=tuple(including.warnings),
    )


def _expanded(tree: Map) -> tuple[Map, dict[str, tuple[str, ...]]]:
    extending = Extending(tree)
    tree = extending.run()
    referencing = Referencing(tree)
    tree = referencing.run()
    if problems := [*extending.problems, *referencing.problems]:
        raise ConfigError(problems)
    return tree, extending.chains


def _stages(tree: Map) -> tuple[str, ...]:
    given = tree.get("stages")
    where = tree.at("stages")
    if given is None:
        given = keywords.DEFAULT_STAGES
    elif not isinstance(given, Items) or not all(isinstance(one, str) for one in given):
        raise error(where, "stages", "stages takes a list of names.", "Write [build, test].")
    inner = [one for one in given if one not in {keywords.FIRST_STAGE, keywords.LAST_STAGE}]
    return (keywords.FIRST_STAGE, *dict.fromkeys(inner), keywords.LAST_STAGE)


def _defaults(tree: Map) -> Map:
    """What `default` says, and the older way to say it at the top of the file."""
    found = Map(tree.at("default"))
    for key in sorted(keywords.GLOBAL_DEPRECATED & keywords.DEFAULTS & tree.keys()):
        found.put(key, tree[key], tree.at(key))
    given = tree.get("default")
    if given is None:
        return found
    if not isinstance(given, Map):
        raise error(tree.at("default"), "default", "default takes a map.", "Write image: …")
    for key, value in given.items():
        if key not in keywords.DEFAULTS:
            fix = nearest(key, keywords.DEFAULTS) or "Write it in the jobs."
            message = f"“{short(key)}” cannot stand in default."
            raise error(given.at(key), "unknown-key", message, fix)
        found.put(key, value, given.at(key))
    return found


def _jobs(tree: Map, reader: JobReader, problems: list[Problem]) -> dict[str, Job]:
    found: dict[str, Job] = {}
    for name, value in tree.items():
        if name in keywords.GLOBAL | keywords.GLOBAL_DEPRECATED or name.startswith("."):
            continue
        if len(problems) + len(reader.problems) >= MAX_PROBLEMS:
            break
        if not isinstance(value, Map):
            problems.append(_no_job(name, value, tree.at(name)))
        elif len(found) >= MAX_JOBS:
            raise error(tree.at(name), "size", f"There are more than {MAX_JOBS} jobs.", "Split it.")
        elif job := reader.read(name, value, tree.at(name)):
            found[name] = job
    problems += reader.problems
    visible = [name for name in tree if name not in keywords.GLOBAL and not name.startswith(".")]
    if not visible:
        message = "There is no job, only keywords and hidden jobs."
        raise error(
            Where(tree.where.file, tree.where.line), "jobs", message, "Add a job with a script."
        )
    if not problems:
        problems += _unknown_needs(found, tree)
        problems += _unknown_stops(found)
    return found


def _no_job(name: str, value: Any, where: Where) -> Problem:
    fix = nearest(name, keywords.GLOBAL | {"image", "services", "cache"})
    kind = "nothing" if value is None else "no map"
    message = f"“{short(name)}” is no keyword, and as a job it holds {kind}."
    return Problem(where, "unknown-key", message, fix or "A job is a map with a script.")


def _unknown_needs(jobs: Mapping[str, Job], tree: Map) -> list[Problem]:
    """Needs and dependencies that name no job of the file."""
    problems: list[Problem] = []
    instances = {one.name for job in jobs.values() for one in job.instances}
    for job in jobs.values():
        if len(problems) >= MAX_PROBLEMS:
            break
        wanted = [(need.job, need.where, "needs") for need in job.needs or () if not need.optional]
        at = job.keys.at("dependencies")
        wanted += [(name, at, "depends on") for name in job.dependencies or ()]
        for name, where, verb in wanted:
            if isinstance(tree.get(name), Map) and not name.startswith("."):
                continue
            if name in instances:
                continue
            message = f"“{short(job.name)}” {verb} “{short(name)}”, which is not defined."
            fix = nearest(name, list(jobs)) or "Define it, or remove the name."
            problems.append(Problem(where, "needs-unknown", message, fix))
    return problems


def _unknown_stops(jobs: Mapping[str, Job]) -> list[Problem]:
    """`on_stop` names a job of the file that stops an environment."""
    problems: list[Problem] = []
    for job in jobs.values():
        environment = job.work.environment
        if environment is None or not environment.on_stop:
            continue
        other = jobs.get(environment.on_stop)
        stops = other.work.environment if other else None
        owner, name = short(job.name), short(environment.on_stop)
        where = job.keys.at("environment")
        if other is None:
            message = f"on_stop of “{owner}” names “{name}”, which is not defined."
            fix = nearest(environment.on_stop, list(jobs)) or "Define it."
            problems.append(Problem(where, "environment", message, fix))
        elif stops is None or stops.action != "stop":
            message = f"on_stop of “{owner}” names “{name}”, which stops no environment."
            fix = f"Give {name} the environment with action: stop."
            problems.append(Problem(where, "environment", message, fix))
    return problems[:MAX_PROBLEMS]


def _workflow(tree: Map) -> tuple[tuple[Map, ...] | None, str, AutoCancel]:
    given, where = tree.get("workflow"), tree.at("workflow")
    if given is None:
        return None, "", DEFAULT
    if not isinstance(given, Map):
        raise error(where, "workflow", "workflow takes a map.", "Write workflow: rules: …")
    for key in given:
        if key not in keywords.WORKFLOW:
            fix = nearest(key, keywords.WORKFLOW) or "Known are name, rules and auto_cancel."
            message = f"workflow has the unknown key “{short(key)}”."
            raise error(given.at(key), "unknown-key", message, fix)
    cancel = _auto_cancel(given, DEFAULT)
    rules = given.get("rules")
    checked = None if rules is None else check_rules(rules, "workflow", given.at("rules"))
    for rule in checked or ():
        _auto_cancel(rule, cancel)
        if rule.get("when") not in {None, "always", "never"}:
            message = f"when: {short(rule['when'])} cannot stand in workflow."
            raise error(rule.at("when"), "when", message, "Use always or never.")
    return checked, str(given.get("name") or ""), cancel


def _auto_cancel(given: Map, base: AutoCancel) -> AutoCancel:
    if given.get("auto_cancel") is None:
        return base
    at = At("workflow", "auto_cancel", given.at("auto_cancel"))
    return read_auto_cancel(given["auto_cancel"], at, base)
