"""Why a job is in or out, in words and as data; and the graph of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipelines.engine import children
from pipelines.engine.context import MASK
from pipelines.engine.planned import Decision, Plan, PlannedJob
from pipelines.engine.problems import ConfigError

if TYPE_CHECKING:  # `slipway ci graph` needs none
    from pipelines.engine.childplans import Children
    from pipelines.engine.config import Config

_SHOWN_FILES = frozenset({"predefined"})


class UnknownJob(LookupError):
    """No job of the configuration has this name."""


def matching(config: Config, plan: Plan, name: str) -> list[str]:
    """The planned or left-out instances that a name means; `UnknownJob` when there is none."""
    if name in plan.jobs or name in plan.left_out:
        return [name]
    if name not in config.jobs:
        raise UnknownJob(name)
    return [one.name for one in config.jobs[name].instances]


def explained(config: Config, plan: Plan, name: str) -> dict[str, Any]:
    """One instance as JSON values: in or out, the rules with their clauses, where all came from."""
    job = plan.jobs.get(name)
    decision = job.decision if job else plan.left_out.get(name)
    written = next(j for j in config.jobs.values() if any(i.name == name for i in j.instances))
    found: dict[str, Any] = {
        "name": name,
        "in": job is not None,
        "reason": decision.reason if decision else plan.reason,
        "where": str(written.where),
        "extends": list(written.extends),
        "rules": _rules(decision),
    }
    return {**found, **_running(job)} if job else found


def _rules(decision: Decision | None) -> list[dict[str, Any]]:
    if decision is None:
        return []
    return [
        {
            "number": one.number,
            "where": str(one.where),
            "holds": one.holds,
            "clauses": [
                {"text": c.text, "holds": c.holds, "because": c.because} for c in one.clauses
            ],
        }
        for one in decision.judged
    ]


def as_json(job: PlannedJob) -> dict[str, Any]:
    """A planned job as JSON values."""
    return {"name": job.name, "where": str(job.where), **_running(job)}


def _running(job: PlannedJob) -> dict[str, Any]:
    needs = job.needs
    return {
        "stage": job.stage,
        "needs": None
        if needs is None
        else [{"job": e.job, "artifacts": e.artifacts} for e in needs],
        "triggers": children.words(job.trigger) if job.trigger else "",
        "waits": job.trigger.waits if job.trigger else False,
        "when": job.when,
        "start_in": job.start_in,
        "allow_failure": job.allow_failure,
        "allowed_exit_codes": list(job.allowed_exit_codes),
        "interruptible": job.interruptible,
        "variables": {
            name: {"value": value, "where": str(job.origins[name])}
            for name, value in _shown(job)
            if job.origins[name].file not in _SHOWN_FILES
        },
    }


def _shown(job: PlannedJob) -> Iterator[tuple[str, str]]:
    """The variables without what is masked, wherever in a value it stands."""
    secrets = sorted((job.variables[name] for name in job.masked), key=len, reverse=True)
    for name, value in job.variables.items():
        text = MASK if name in job.masked else value
        for secret in secrets:
            text = text.replace(secret, MASK) if secret else text
        yield name, text


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The explanation as people read it."""
    yield f"{found['name']} is {'in' if found['in'] else 'out'}: {found['reason']}."
    yield f"  written at {found['where']}{_bases(found['extends'])}"
    for rule in found["rules"]:
        verdict = "holds" if rule["holds"] else "does not hold"
        yield f"  rule {rule['number']} ({rule['where']}) {verdict}"
        for clause in rule["clauses"]:
            because = f" ({clause['because']})" if clause["because"] else ""
            yield f"    {'✓' if clause['holds'] else '✗'} {clause['text']}{because}"
    if found["in"]:
        yield from _lines_of_running(found)


def _bases(extends: list[str]) -> str:
    return f", extends {', '.join(extends)}" if extends else ""


def _lines_of_running(found: dict[str, Any]) -> Iterator[str]:
    yield f"  stage {found['stage']}, when {found['when']}{_after(found['start_in'])}"
    if found["needs"] is None:
        yield "  waits for all jobs of earlier stages"
    elif not found["needs"]:
        yield "  waits for nothing"
    else:
        yield f"  waits for {', '.join(edge['job'] for edge in found['needs'])}"
    if found["triggers"]:
        ends = "takes its end over" if found["waits"] else "does not wait for it"
        yield f"  starts {found['triggers']}, and {ends}"
    if found["allow_failure"]:
        yield "  may fail"
    if found["when"] == "manual":
        yield f"  {_of_manual(found['allow_failure'])}"
    for name, variable in sorted(found["variables"].items()):
        yield f"  {name}={variable['value']} ({variable['where']})"


def _of_manual(allowed: bool) -> str:
    if allowed:
        return "waits for a person; what comes after it does not wait for that"
    return "waits for a person, and blocks what comes after it (allow_failure: true lets it go on)"


def _after(start_in: str) -> str:
    return f" after {start_in}" if start_in else ""


def graph_lines(plan: Plan, below: Children | None = None) -> Iterator[str]:
    """The stages with their jobs, and what each waits for; below them what they start."""
    for stage in plan.stages:
        jobs = [job for job in plan.jobs.values() if job.stage == stage]
        if jobs:
            yield stage
        for job in jobs:
            waits = (
                ""
                if job.needs is None
                else f" ← {', '.join(e.job for e in job.needs) or 'at once'}"
            )
            marks = [job.when] if job.when != "on_success" else []
            marks += ["may fail"] if job.allow_failure else []
            marked = f" ({', '.join(marks)})" if marks else ""
            yield f"  {job.name}{marked}{waits}"
            yield from _started(job, below)


def _started(job: PlannedJob, below: Children | None) -> Iterator[str]:
    if job.trigger is None:
        return
    yield f"    → {children.words(job.trigger)}"
    if below is None or any(one.kind == "artifact" for one in job.trigger.include):
        return
    if job.trigger.include:
        try:
            plan, deeper = below.of(job, {})
        except ConfigError as fault:
            yield f"      is not made: {fault.problems[0]}"
            return
        for line in graph_lines(plan, deeper):
            yield f"      {line}"
