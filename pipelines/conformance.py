"""`make conformance-ci VECTORS=DIR`: agreement of the engine with cases, each miss by name.

Two forms are read. `index.json`: folders with a CI file and what a run of it does. `*.yml`: cases
by keyword, a file with its context and the plan or the refusal that the published reference asks
for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

from pipelines.conformance_runs import misses
from pipelines.engine.childplans import Children
from pipelines.engine.context import Context, MemoryFiles
from pipelines.engine.linting import Report, lint
from pipelines.engine.planned import Plan, PlannedJob
from pipelines.engine.problems import ConfigError, Severity
from pipelines.engine.settings import Level, Setting
from pipelines.engine.sources import Component, MemorySources

MAX_BYTES = 20_000_000
_FACTS = frozenset(field.name for field in fields(Context)) - {"files", "sources"}
_LISTS = frozenset({"changed"})


class FormError(ValueError):
    """A file of cases has another form than the two that are read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case; `misses` says in words what differs, nothing where it agrees."""

    name: str
    misses: tuple[str, ...]


def run(directory: Path) -> list[Outcome]:
    """The outcome of every case of a directory; `FormError` where there is none to read."""
    found: list[Outcome] = []
    index = directory / "index.json"
    if index.is_file():
        found += [_run_case(case, directory) for case in _cases(index)]
    for path in sorted(directory.glob("*.yml")):
        found += [_of_plan(case, path.stem) for case in _cases(path)]
    if not found:
        raise FormError(f"{directory} has neither index.json nor *.yml with cases")
    return found


def _cases(path: Path) -> list[Mapping[str, Any]]:
    if path.stat().st_size > MAX_BYTES:
        raise FormError(f"{path} has more than {MAX_BYTES} bytes")
    text = path.read_text()
    try:
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as fault:
        raise FormError(f"{path} cannot be read: {fault}") from fault
    cases = value.get("cases") if isinstance(value, dict) else None
    if not isinstance(cases, list) or not all(isinstance(one, dict) for one in cases):
        raise FormError(f"{path} holds no list of cases")
    return cases


def _run_case(case: Mapping[str, Any], directory: Path) -> Outcome:
    return Outcome(str(case.get("name", "")), tuple(misses(case, directory)))


# -- cases of plans ------------------------------------------------------------------------------


def _of_plan(case: Mapping[str, Any], keyword: str) -> Outcome:
    name = f"{keyword}: {case.get('name', '')}"
    expect = case.get("expect")
    if not case.get("reason") or not isinstance(expect, dict) or not expect:
        return Outcome(name, ("the case has no reason, or expects nothing",))
    report = lint(str(case.get("file", "")), context_of(case))
    found = list(_plan_misses(expect, report))
    if not found and report.plan is not None:
        found = list(_child_misses(expect.get("children") or {}, report.plan, context_of(case)))
    return Outcome(name, tuple(found))


def _child_misses(expect: Mapping[str, Any], made: Plan, context: Context) -> Iterator[str]:
    """The plans of what trigger jobs include, by the job's name; `error` where there is none."""
    for name, wanted in expect.items():
        try:
            below, _ = Children(context).of(made.jobs[name], {})
        except ConfigError as fault:
            rules = [one.rule for one in fault.problems]
            if wanted.get("error") not in rules:
                yield f"child of {name}: {fault.problems[0]}"
            continue
        if "error" in wanted:
            yield f"child of {name}: error {wanted['error']} expected, a plan came"
        elif "state" in wanted and wanted["state"] != below.state:
            yield f"child of {name}: state {wanted['state']} expected, {below.state} came"
        else:
            yield from _job_misses(wanted.get("jobs", list(below.jobs)), below.jobs)


def context_of(case: Mapping[str, Any]) -> Context:
    """The context that a case names; a branch called main where it says nothing."""
    given = dict(case.get("context") or {})
    unknown = sorted(given.keys() - _FACTS)
    if unknown:
        raise FormError(f"{case.get('name')}: the context has no “{unknown[0]}”")
    facts: dict[str, Any] = {
        key: tuple(value) if key in _LISTS else value for key, value in given.items()
    }
    facts.setdefault("branch", "main")
    facts["settings"] = tuple(_setting(one) for one in facts.get("settings") or ())
    return Context(files=_files(case.get("files")), sources=_sources(case), **facts)


def _setting(given: Mapping[str, Any]) -> Setting:
    level = Level[str(given.get("level", "project")).upper()]
    return Setting(**{**given, "level": level})


def _bytes(given: Any) -> dict[str, bytes]:
    return {str(name): str(text).encode() for name, text in (given or {}).items()}


def _files(given: Any) -> MemoryFiles:
    return MemoryFiles(_bytes(given))


def _sources(case: Mapping[str, Any]) -> MemorySources:
    """What lies elsewhere: files by project and ref, texts by address, name and version."""
    projects = {str(name): _files(given) for name, given in (case.get("projects") or {}).items()}
    components = {
        address: Component(text, _files(None), address.rpartition("@")[0].rpartition("/")[2], "1.0")
        for address, text in _bytes(case.get("components")).items()
    }
    remotes, templates = _bytes(case.get("remotes")), _bytes(case.get("templates"))
    changes = {ref: tuple(paths) for ref, paths in (case.get("changed_since") or {}).items()}
    return MemorySources(projects, remotes, templates, components, changes)


def _plan_misses(expect: Mapping[str, Any], report: Report) -> Iterator[str]:
    errors = [one.rule for one in report.errors]
    if "error" in expect:
        if expect["error"] not in errors:
            yield f"error {expect['error']} expected, {errors or 'a plan'} came"
        return
    if report.plan is None or errors:
        yield f"refused: {report.errors[0]}"
        return
    warned = [one.rule for one in report.problems if one.severity is Severity.WARNING]
    if "warning" in expect and expect["warning"] not in warned:
        yield f"warning {expect['warning']} expected, {warned or 'none'} came"
    for key, got in (("state", report.plan.state), ("name", report.plan.name)):
        if key in expect and expect[key] != got:
            yield f"{key} {expect[key]} expected, {got} came"
    cancel = expect.get("auto_cancel")
    if cancel and cancel != (got := _plain(report.plan.auto_cancel, cancel)):
        yield f"auto_cancel {cancel} expected, {got} came"
    if "jobs" in expect:
        yield from _job_misses(expect["jobs"], report.plan.jobs)


def _job_misses(expected: Any, jobs: Mapping[str, PlannedJob]) -> Iterator[str]:
    wanted = expected if isinstance(expected, dict) else dict.fromkeys(expected)
    if set(wanted) != set(jobs):
        yield f"jobs {sorted(wanted)} expected, {sorted(jobs)} came"
        return
    for name, facts in wanted.items():
        for key, value in (facts or {}).items():
            got = _fact(jobs[name], key, value)
            if got != value:
                yield f"{name}: {key} {value} expected, {got} came"


def _fact(job: PlannedJob, key: str, like: Any) -> Any:
    """A fact of a planned job in the form that cases write it."""
    if key == "needs":
        return None if job.needs is None else [edge.job for edge in job.needs]
    if key == "variables":
        return {name: job.variables.get(name) for name in like}
    if key == "keys":
        return {name: _plain(getattr(job, name, None), wanted) for name, wanted in like.items()}
    return _plain(getattr(job, key, None), like)


def _plain(value: Any, like: Any) -> Any:
    """A value as maps and lists; of a map the keys that the case names."""
    if is_dataclass(value) and isinstance(like, dict):
        return {name: _plain(getattr(value, name, None), wanted) for name, wanted in like.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (tuple, list)):
        wanted = like if isinstance(like, list) else []
        return [
            _plain(one, wanted[at] if at < len(wanted) else None) for at, one in enumerate(value)
        ]
    return value


def main(arguments: Sequence[str]) -> int:
    """Print each miss and the count; 1 where something disagrees, 2 for another form."""
    try:
        outcomes = run(Path(arguments[0] if arguments else "."))
    except (FormError, OSError) as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    missed = [outcome for outcome in outcomes if outcome.misses]
    for outcome in missed:
        sys.stdout.write(f"MISS {outcome.name}\n")
        sys.stdout.writelines(f"     {miss}\n" for miss in outcome.misses)
    sys.stdout.write(f"{len(outcomes) - len(missed)} passed, {len(missed)} failed\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
