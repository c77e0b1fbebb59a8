"""What a file says and nothing acts on: each keyword named once a place, with what to do instead.

The linter shows it, the plan carries it, so that a pipeline on the server and a run on a laptop
say it, too. What is here leaves it in the commit that makes it run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pipelines.engine import keywords
from pipelines.engine.config import Config
from pipelines.engine.jobs import Job
from pipelines.engine.problems import MAX_PROBLEMS, Problem, Where, short, warning
from pipelines.engine.source import Items, Map

RULE = "not-run"


def problems(config: Config) -> tuple[Problem, ...]:
    """Of the whole file, at most `MAX_PROBLEMS`; what many jobs extend or have by default once."""
    found: dict[tuple[str, Where], Problem] = {}
    for name, problem in _all(config):
        found.setdefault((name, problem.where), problem)
        if len(found) >= MAX_PROBLEMS:
            break
    return tuple(found.values())


def lines(config: Config) -> tuple[str, ...]:
    """The same as texts, as a plan carries them."""
    return tuple(map(str, problems(config)))


def _all(config: Config) -> Iterator[tuple[str, Problem]]:
    yield from _of_file(config.tree)
    for job in config.jobs.values():
        owner = f"“{short(job.name)}”"
        for path, reason in keywords.NOT_RUN.items():
            for where in _places(job.keys, path):
                yield path, warning(where, RULE, f"“{path}” of {owner} is not run: {reason}")
        for path, reason in _of_values(job):
            where = next(_places(job.keys, path), job.where)
            yield path, warning(where, RULE, f"{path} of {owner}: {reason}")


def _of_file(tree: Map) -> Iterator[tuple[str, Problem]]:
    for path, reason in keywords.NOT_RUN_GLOBAL.items():
        for where in islice(_places(tree, path), MAX_PROBLEMS):
            yield path, warning(where, RULE, f"“{path}” is not run: {reason}")


def _places(given: Mapping[str, Any], path: str) -> Iterator[Where]:
    """Where a keyword stands; the lists on the way are looked through, `*` is any name."""
    key, _, rest = path.partition(":")
    names = list(given) if key == "*" else [key]
    for name in names:
        value = given.get(name)
        if value is None:
            continue
        if not rest:
            yield given.at(name) if isinstance(given, Map) else Where("")
            continue
        for inner in value if isinstance(value, Items) else (value,):
            if isinstance(inner, Map):
                yield from _places(inner, rest)


# -- what depends on the value ------------------------------------------------------------------


def _of_values(job: Job) -> Iterator[tuple[str, str]]:
    """A keyword with what is not run of it, where that hangs on what it says."""
    work = job.work
    if any(one.pipeline and not one.job for one in job.elsewhere):
        yield "needs:pipeline", "the status of another pipeline is not taken over."
    for secret in work.secrets:
        if not secret.runs:
            fix = f"Keep it in Slipway, and write {secret.variable}: slipway: NAME."
            yield "secrets", f"{secret.variable} is not taken from {secret.vendor}. {fix}"
    for report in work.artifacts.reports if work.artifacts else ():
        if report.kind not in keywords.READ_REPORTS:
            fix = f"Read are {', '.join(sorted(keywords.READ_REPORTS))}."
            yield "artifacts", f"the report {report.kind} is kept, and not read. {fix}"
    if job.name == "pages" and "pages" not in job.keys:
        yield "pages", "GitLab Pages are not published; the job runs as any other."
