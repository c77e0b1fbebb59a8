"""The linter: what makes no pipeline, and what makes another one than meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from pipelines.engine import childlint, doubts, predefined, published, unrun
from pipelines.engine.config import FILE, Config, load
from pipelines.engine.context import Context, merged
from pipelines.engine.expressions import ExpressionError, parse
from pipelines.engine.jobs import Job
from pipelines.engine.plan import Plan, State, plan
from pipelines.engine.problems import (
    MAX_PROBLEMS,
    ConfigError,
    Problem,
    Severity,
    Where,
    nearest,
    short,
    warning,
)
from pipelines.engine.source import Map
from pipelines.engine.values.expanding import expanded
from pipelines.engine.variables import Variable, cycle_in, read_variables, references

_GIVEN = ("FF_", "GIT_", "KUBE_", "RUNNER_", "CI_EXTERNAL_PULL_REQUEST_")
_READ_AT_ONCE = {
    "environment": "environment",
    "image": "image",
    "resource_group": "resource_group",
    "services": "services",
    "tags": "tags",
}
_MERGE_REQUEST = "merge_request_event"


@dataclass(frozen=True)
class Report:
    """What was found, errors first. `plan` is None where there are errors in the file."""

    problems: tuple[Problem, ...]
    config: Config | None = None
    plan: Plan | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(one for one in self.problems if one.severity is Severity.ERROR)


def lint(data: bytes | str, context: Context, file: str = FILE) -> Report:
    """Everything that is wrong with a file, in this context; raises nothing."""
    try:
        config = load(data, context, file)
    except ConfigError as fault:
        return Report(fault.problems)
    found = [*config.warnings, *published.problems(config.tree), *unrun.problems(config)]
    made: Plan | None = None
    try:
        made = plan(config, context)
        found += islice(_doubts(config, context), MAX_PROBLEMS)
        found += islice(childlint.problems(made, context), MAX_PROBLEMS)
    except ConfigError as fault:
        found += fault.problems
    ordered = sorted(dict.fromkeys(found), key=lambda one: (one.severity, one.where))
    return Report(tuple(ordered), config, made)


def _doubts(config: Config, context: Context) -> Iterator[Problem]:
    for job in config.jobs.values():
        yield from doubts.of_job(job, config)
    yield from doubts.of_rules(config.workflow or (), "workflow")
    yield from _unreachable(config)
    yield from _once(_undefined(config, context))
    yield from _circles(config)
    yield from _two_pipelines(config, context)


# -- jobs and rules that never act ---------------------------------------------------------------


def _never(job: Job) -> bool:
    return job.rules is not None and all(rule.get("when") == "never" for rule in job.rules)


def _unreachable(config: Config) -> Iterator[Problem]:
    never = {name for name, job in config.jobs.items() if _never(job)}
    for name in never:
        where = config.jobs[name].keys.at("rules")
        message = f"“{short(name)}” never runs: no rule of it lets it in."
        yield warning(where, "unreachable", message, "Add a rule, or remove the job.")
    for job in config.jobs.values():
        for need in job.needs or ():
            if need.job in never and not need.optional and job.name not in never:
                message = f"“{short(job.name)}” needs “{short(need.job)}”, which never runs."
                yield Problem(need.where, "unreachable", message, "Remove the need.")


# -- variables -----------------------------------------------------------------------------------


def _circles(config: Config) -> Iterator[Problem]:
    scopes = [("the file", config.variables, config.tree.at("variables"))]
    scopes += [(f"“{short(j.name)}”", j.variables, j.where) for j in config.jobs.values()]
    for owner, variables, _ in scopes:
        if found := cycle_in(variables):
            circle = " → ".join(found)
            message = f"Variables of {owner} refer to each other: {circle}; none is expanded."
            yield warning(variables[found[0]].where, "variable-cycle", message, "Break the circle.")


def _once(found: Iterator[tuple[str, Problem]]) -> Iterator[Problem]:
    """One of each name and place: what many jobs extend is told once."""
    seen: set[tuple[str, Where]] = set()
    for name, problem in found:
        if (name, problem.where) not in seen:
            seen.add((name, problem.where))
            yield problem


def _undefined(config: Config, context: Context) -> Iterator[tuple[str, Problem]]:
    given = merged(context.predefined(), *context.outside(), config.variables)
    known = predefined.NAMES | given.keys() | _ruled(config.workflow or ()).keys()
    known |= {one.name for one in context.settings}
    yield from _unknown_in("workflow", config.workflow or (), {}, known)
    yield from _unknown_in("the file", (), config.variables, known)
    handed = any(_hands_over(job) for job in config.jobs.values())
    for job in config.jobs.values():
        rules = job.rules or ()
        own = known | job.variables.keys() | _ruled(rules).keys()
        own |= {name for one in job.instances for name in one.variables}
        variables = merged(job.variables, _ruled(rules))
        owner = f"“{short(job.name)}”"
        yield from _unknown_in(owner, rules, variables, own)
        if not handed:
            yield from _unknown_read(owner, _texts(job), own | predefined.NAMES)


def _ruled(rules: tuple[Map, ...]) -> dict[str, Variable]:
    """The variables that rules bring."""
    read = [read_variables(rule.get("variables"), "a rule", rule.where) for rule in rules]
    return merged(*read)


def _unknown_in(
    owner: str, rules: tuple[Map, ...], variables: Mapping[str, Variable], known: frozenset[str]
) -> Iterator[tuple[str, Problem]]:
    read: list[tuple[str, Where]] = []
    for rule in rules:
        if isinstance(rule.get("if"), str):
            read += [(name, rule.at("if")) for name in _names(rule["if"])]
    for variable in variables.values():
        if variable.expand:
            read += [(name, variable.where) for name in references(variable.value)]
    yield from _unknown_read(owner, read, known)
    for rule in rules:
        yield from _too_early(owner, rule, variables)


def _unknown_read(
    owner: str, read: list[tuple[str, Where]], known: frozenset[str]
) -> Iterator[tuple[str, Problem]]:
    for name, where in dict.fromkeys(read):
        if name not in known and not name.startswith(_GIVEN):
            fix = nearest(name, known) or "Define it, or give it to the pipeline."
            message = f"{owner} reads ${short(name)}, which nothing here sets."
            yield name, warning(where, "undefined-variable", message, fix)


def _hands_over(job: Job) -> bool:
    """Whether a job hands variables over to later ones."""
    reports = job.work.artifacts.reports if job.work.artifacts else ()
    return any(report.kind == "dotenv" for report in reports)


def _texts(job: Job) -> list[tuple[str, Where]]:
    """The names in keywords into which variables are put before anything of the job runs."""
    found: list[tuple[str, Where]] = []

    def note(key: str) -> Callable[[str], str]:
        def noted(text: str) -> str:
            found.extend((name, job.keys.at(key)) for name in references(text))
            return text

        return noted

    for key, field in _READ_AT_ONCE.items():
        expanded(getattr(job.work, field), note(key))
    return found


def _too_early(owner: str, rule: Map, own: Mapping[str, Variable]) -> Iterator[tuple[str, Problem]]:
    """Conditions that ask for what only a running job knows."""
    if not isinstance(rule.get("if"), str):
        return
    for name in _names(rule["if"]):
        if predefined.PHASES.get(name) is predefined.Phase.JOB and name not in own:
            message = f"{owner} asks for ${name}, which exists only in a running job."
            fix = "Ask for it in the script."
            yield f"early {name}", warning(rule.at("if"), "variable-too-early", message, fix)


def _names(text: str) -> tuple[str, ...]:
    try:
        return parse(text).names
    except ExpressionError:  # named as an error before
        return ()


# -- two pipelines for one push ------------------------------------------------------------------


def _two_pipelines(config: Config, context: Context) -> Iterator[Problem]:
    """Tries a push to a branch with an open merge request: both kinds, each with jobs."""
    branch = context.branch if context.branch not in {"", context.default_branch} else "feature"
    shared = replace(context, branch=branch, tag="", message="", open_merge_requests="g/p!1")
    pushed = replace(shared, source="push", merge_request=False)
    request = replace(shared, source=_MERGE_REQUEST, merge_request=True)
    both = [set(made.jobs) for one in (pushed, request) if (made := _tried(config, one))]
    if len(both) < 2:  # noqa: PLR2004 - one push, one merge request
        return
    named = min(both[1])
    rules = config.jobs[_written(config, named)].rules
    where = rules[0].where if rules else config.jobs[_written(config, named)].where
    message = (
        "This would start two pipelines for one push: one of the branch, and one of its merge "
        f"request (“{short(named)}” is in the latter)."
    )
    fix = (
        'Add workflow: rules: - if: $CI_PIPELINE_SOURCE == "merge_request_event" - if: '
        "$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS, when: never - if: $CI_COMMIT_BRANCH."
    )
    yield warning(where, "two-pipelines", message, fix)


def _written(config: Config, name: str) -> str:
    return next(j.name for j in config.jobs.values() if any(i.name == name for i in j.instances))


def _tried(config: Config, context: Context) -> Plan | None:
    try:
        made = plan(config, context)
    except ConfigError:
        return None
    return made if made.state is State.CREATED else None
