"""What the linter doubts of one job: rules that never act, and deploys ended early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.engine.config import Config
from pipelines.engine.jobs import Job
from pipelines.engine.problems import Problem, short, warning
from pipelines.engine.source import Map

_CLAUSES = frozenset({"if", "changes", "exists"})


def of_job(job: Job, config: Config) -> Iterator[Problem]:
    owner = f"“{short(job.name)}”"
    yield from of_rules(job.rules or (), owner)
    yield from _ends_early(job, config)


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
