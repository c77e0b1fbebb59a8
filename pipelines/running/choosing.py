"""Which jobs of a plan a person wants to run, by names, stage and need."""

from __future__ import annotations

import os
from dataclasses import dataclass

from pipelines.engine.planned import Plan, PlannedJob
from pipelines.engine.problems import nearest, short
from pipelines.running.local import Choice


class ChoiceError(ValueError):
    """A name is not in the plan; `fix` says what to do."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True)
class Wanted:
    """As the person says it; `jobs` and `stage` empty: everything."""

    jobs: tuple[str, ...] = ()
    needs: bool = False  # and whatever they need
    stage: str = ""
    played: tuple[str, ...] = ()  # manual jobs to start
    slots: int = 0  # 0: by the machine's size


def choose(plan: Plan, wanted: Wanted) -> Choice:
    """What to run; `ChoiceError` names what is not there. A manual job that is named starts."""
    named = frozenset(name for one in wanted.jobs for name in instances(plan, one))
    played = frozenset(name for one in wanted.played for name in instances(plan, one))
    jobs = set(named)
    if wanted.stage:
        jobs |= _of_stage(plan, wanted.stage)
    if wanted.needs:
        _add_needs(plan, jobs)
    slots = wanted.slots or max(4, 2 * (os.cpu_count() or 1))
    return Choice(frozenset(jobs), played | named, slots)


def instances(plan: Plan, name: str) -> list[str]:
    """The plan's jobs by a name as written, or by an instance's own."""
    found = [job.name for job in plan.jobs.values() if name in {job.name, job.job}]
    if found:
        return found
    if name in plan.left_out:
        message = f"“{short(name)}” is not in this pipeline: {plan.left_out[name].reason}."
        raise ChoiceError(message, f"slipway ci explain '{short(name)}' tells more.")
    fix = nearest(name, list(plan.jobs)) or "slipway ci graph lists them."
    raise ChoiceError(f"There is no job “{short(name)}”.", fix)


def _of_stage(plan: Plan, stage: str) -> set[str]:
    found = {job.name for job in plan.jobs.values() if job.stage == stage}
    if not found:
        fix = nearest(stage, plan.stages) or f"Stages are {', '.join(plan.stages[:20])}."
        raise ChoiceError(f"No job of a stage “{short(stage)}” is in this pipeline.", fix)
    return found


def _add_needs(plan: Plan, jobs: set[str]) -> None:
    left = list(jobs)
    while left:
        for name in before(plan, plan.jobs[left.pop()]):
            if name not in jobs:
                jobs.add(name)
                left.append(name)


def before(plan: Plan, job: PlannedJob) -> list[str]:
    """The jobs that have to end before one may begin."""
    if job.needs is not None:
        return [edge.job for edge in job.needs]
    stages = plan.stages[: plan.stages.index(job.stage)]
    return [one.name for one in plan.jobs.values() if one.stage in stages]
