"""What the linter says of child pipelines: those of files of the commit, as they would be made now.

A child that cannot be made fails its trigger job alone, so that these are warnings.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.engine.childplans import Children
from pipelines.engine.context import Context
from pipelines.engine.plan import Plan, State
from pipelines.engine.planned import PlannedJob
from pipelines.engine.problems import ConfigError, Problem, short, warning

RULE = "child"
MAX_CHILDREN = 100  # that are planned, all levels together


def problems(made: Plan, context: Context) -> Iterator[Problem]:
    """What keeps the children of a plan from being made, level by level."""
    waiting = [(job, Children(context)) for job in made.jobs.values()]
    planned = 0
    while waiting and planned < MAX_CHILDREN:
        job, above = waiting.pop(0)
        if not _is_local(job):
            continue
        planned += 1
        try:
            plan, children = above.of(job, {})
        except ConfigError as fault:
            message = f"The child of “{short(job.name)}” is not made: {fault.problems[0]}"
            yield warning(job.where, RULE, message)
            continue
        if plan.state is not State.CREATED:
            message = f"The child of “{short(job.name)}” is not made: {plan.reason}."
            yield warning(job.where, RULE, message, "Let a rule of it in, or leave the job out.")
        waiting += [(one, children) for one in plan.jobs.values()]


def _is_local(job: PlannedJob) -> bool:
    """Whether all of the child's files are the commit's; of others nothing is known yet."""
    trigger = job.trigger
    if trigger is None or not trigger.include:
        return False
    return all(one.kind == "local" and "$" not in one.path for one in trigger.include)
