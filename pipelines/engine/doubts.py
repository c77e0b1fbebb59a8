"""What the linter doubts of one job: rules that never act, deploys ended early, what is not run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pipelines.engine import keywords
from pipelines.engine.config import Config
from pipelines.engine.jobs import Job
from pipelines.engine.problems import Problem, Where, short, warning
from pipelines.engine.source import Items, Map

_CLAUSES = frozenset({"if", "changes", "exists"})
_CONTAINER = {"docker", "kubernetes"}


def of_job(job: Job, config: Config) -> Iterator[Problem]:
    owner = f"“{short(job.name)}”"
    yield from _not_run(job)
    yield from of_rules(job.rules or (), owner)
    yield from _ends_early(job, config)


# -- what nothing acts on ------------------------------------------------------------------------


def _not_run(job: Job) -> Iterator[Problem]:
    """Keywords that GitLab knows and nothing acts on here."""
    for key, reason in keywords.NOT_RUN.items():
        if key in job.keys:
            message = f"“{key}” of “{short(job.name)}” is not run: {reason}"
            yield warning(job.keys.at(key), "not-run", message)
    for secret in job.work.secrets:
        if not secret.runs:
            message = f"The secret {secret.variable} of “{short(job.name)}” is not taken from "
            fix = f"Keep it in Slipway, and write {secret.variable}: slipway: NAME."
            where = job.keys.at("secrets")
            yield warning(where, "not-run", f"{message}{secret.vendor}.", fix)
    yield from _kept_only(job)
    for name, where in _containers(job):
        message = f"{name} of “{short(job.name)}” is not looked at: no container is made by it."
        yield warning(where, "not-run", message, "Remove it.")


def _kept_only(job: Job) -> Iterator[Problem]:
    reports = job.work.artifacts.reports if job.work.artifacts else ()
    for report in reports:
        if report.kind not in keywords.READ_REPORTS:
            message = f"The report {report.kind} of “{short(job.name)}” is kept, and not read."
            fix = f"Read are {', '.join(sorted(keywords.READ_REPORTS))}."
            yield warning(job.keys.at("artifacts"), "not-run", message, fix)


def _containers(job: Job) -> Iterator[tuple[str, Where]]:
    """`docker` and `kubernetes` below image and services."""
    services = job.keys.get("services")
    listed: list[tuple[str, Any]] = [("image", job.keys.get("image"))]
    listed += [("services", one) for one in services] if isinstance(services, Items) else []
    for key, given in listed:
        for name in sorted(_CONTAINER & given.keys()) if isinstance(given, Map) else ():
            yield f"{key}:{name}", given.at(name)
    environment = job.keys.get("environment")
    cluster = environment.get("kubernetes") if isinstance(environment, Map) else None
    if isinstance(cluster, Map):
        for name in sorted(cluster.keys() - {"namespace", "agent"}):
            yield f"environment:kubernetes:{name}", cluster.at(name)


# -- rules that never act ------------------------------------------------------------------------


def of_rules(rules: Sequence[Map], owner: str) -> Iterator[Problem]:
    """Rules behind one that always holds, or behind one of the same condition."""
    seen: dict[str, int] = {}
    for number, rule in enumerate(rules, start=1):
        if number < len(rules) and not rule.keys() & _CLAUSES:
            message = f"Rule {number} of {owner} always holds; those after it never act."
            yield warning(
                rule.where, "unreachable-rule", message, "Move it to the end, or give it an if."
            )
            return
        if rule.keys() & _CLAUSES != {"if"} or not isinstance(rule["if"], str):
            continue
        condition = " ".join(rule["if"].split())
        if condition in seen:
            message = f"Rule {number} of {owner} asks the same as rule {seen[condition]}."
            yield warning(rule.where, "unreachable-rule", message, "Remove it, or merge them.")
        seen.setdefault(condition, number)


# -- deploys that a new commit ends --------------------------------------------------------------


def _ends_early(job: Job, config: Config) -> Iterator[Problem]:
    environment = job.work.environment
    if environment is None or not environment.deploys or not job.work.interruptible:
        return
    if config.auto_cancel.on_new_commit == "none" or job.work.trigger is not None:
        return
    message = (
        f"“{short(job.name)}” deploys and is interruptible: a new commit may end it half done."
    )
    fix = "Write interruptible: false in the job."
    yield warning(job.keys.at("interruptible"), "interruptible-deploy", message, fix)
