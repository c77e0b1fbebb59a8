"""The plan of a pipeline: which jobs run, after which, how, with what, and why.

Pure: the same configuration and context give the same plan on a laptop and on the server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipelines.engine import keywords, refs, rules, unrun
from pipelines.engine.config import Config
from pipelines.engine.context import Context, merged
from pipelines.engine.graph import Edges, circle, written_circle
from pipelines.engine.jobs import Job
from pipelines.engine.layers import Layers, of_environment, of_job
from pipelines.engine.needs import read_elsewhere, read_needs
from pipelines.engine.planned import (
    Decision,
    Instance,
    Plan,
    PlannedJob,
    State,
)
from pipelines.engine.problems import ConfigError, Problem, error, short
from pipelines.engine.source import Map
from pipelines.engine.values.auto_cancel import AutoCancel, read_auto_cancel
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.values.forms import At, period
from pipelines.engine.values.simple import read_start_in
from pipelines.engine.values.work import with_variables
from pipelines.engine.variables import Variable, substitute

__all__ = ["Plan", "PlannedJob", "State", "plan"]

MAX_PLANNED = 10_000


def plan(config: Config, context: Context) -> Plan:
    """The plan; `ConfigError` where needs do not fit what is in."""
    if context.skipped:
        return _none(config, State.SKIPPED, "the commit's message says [skip ci]")
    if problem := written_circle(config):
        raise ConfigError([problem])
    return _Planning(config, context).run()


def _none(config: Config, state: State, reason: str, workflow: Decision | None = None) -> Plan:
    return Plan(state, reason, config.stages, {}, {}, workflow=workflow)


class _Decided(NamedTuple):
    """A job that is in, with the variables by which that was decided."""

    job: Job
    instance: Instance
    decision: Decision
    layers: dict[str, Variable]
    values: dict[str, str]


class _Planning:
    def __init__(self, config: Config, context: Context) -> None:
        self.config = config
        self.context = context
        self.layers = Layers(config, context)
        self.left_out: dict[str, Decision] = {}
        self.problems: list[Problem] = []

    def run(self) -> Plan:
        workflow = self._workflow()
        if workflow is not None and not workflow.included:
            return _none(self.config, State.FILTERED, f"workflow: {workflow.reason}", workflow)
        decided = self._decided()
        jobs = self._planned(decided)
        if self.problems:
            raise ConfigError(self.problems)
        ends = {keywords.FIRST_STAGE, keywords.LAST_STAGE}
        state, reason = State.CREATED, workflow.reason if workflow else "there is no workflow:rules"
        if not jobs:
            state, reason = State.EMPTY, "no job is in"
        elif all(job.stage in ends for job in jobs.values()):
            state, reason, jobs = State.EMPTY, "only jobs of .pre and .post are in", {}
        values = self.layers.values(self.layers.shared())
        return Plan(
            state,
            reason,
            self.config.stages,
            jobs,
            self.left_out,
            substitute(self.config.name, values, self.config.tree.at("workflow")),
            workflow and workflow.settled(),
            self._auto_cancel(workflow),
            unrun.lines(self.config),
        )

    def _auto_cancel(self, workflow: Decision | None) -> AutoCancel:
        """The workflow's, and over it that of the rule that held."""
        if workflow is None or workflow.auto_cancel is None:
            return self.config.auto_cancel
        at = At("workflow", "auto_cancel", workflow.where)
        return read_auto_cancel(workflow.auto_cancel, at, self.config.auto_cancel)

    def _workflow(self) -> Decision | None:
        if self.config.workflow is None:
            return None
        values = self.layers.values(self.layers.shared())
        decision = rules.decide(self.config.workflow, "workflow", values, self.context)
        self.layers.written.update(decision.variables)
        return decision

    def _decided(self) -> list[_Decided]:
        found: list[_Decided] = []
        for job in self.config.jobs.values():
            for instance in job.instances:
                if len(found) >= MAX_PLANNED:
                    message = f"The pipeline has more than {MAX_PLANNED} jobs."
                    raise error(job.where, "size", message, "Use fewer parallel jobs.")
                layers = merged(self.layers.of(job, instance, {}), of_job(job, instance, job.when))
                values = self.layers.values(layers)
                decision = self._decide(job, values)
                if decision.included:
                    found.append(_Decided(job, instance, decision, layers, values))
                else:
                    self.left_out[instance.name] = decision
        return found

    def _decide(self, job: Job, values: Mapping[str, str]) -> Decision:
        owner = f"“{short(job.name)}”"
        if job.rules is not None:
            return rules.decide(job.rules, owner, values, self.context)
        only, out = job.keys.get("only"), job.keys.get("except")
        where = job.keys.at("only") if only is not None else job.keys.at("except")
        place = where if only is not None or out is not None else job.where
        return refs.decide((owner, place), only, out, values, self.context)

    def _planned(self, decided: list[_Decided]) -> dict[str, PlannedJob]:
        present: dict[str, list[str]] = {}
        for one in decided:
            present.setdefault(one.job.name, []).append(one.instance.name)
        edges = Edges(self.config, present)
        jobs: dict[str, PlannedJob] = {}
        for name in present:
            edges.judge_dependencies(self.config.jobs[name])
        for one in decided:
            jobs[one.instance.name] = self._one(one, edges)
        self.problems += dict.fromkeys(edges.problems)
        self._judge_circle(jobs, edges)
        return jobs

    def _one(self, one: _Decided, edges: Edges) -> PlannedJob:
        job, instance, decision = one.job, one.instance, one.decision
        owner = f"“{short(job.name)}”"
        needs, elsewhere = job.needs, job.elsewhere
        if decision.needs is not None:
            needs = read_needs(decision.needs, owner, decision.where)
            elsewhere = read_elsewhere(decision.needs, owner)
        layers, values, environment = one.layers, one.values, job.work.environment
        when = decision.when or job.when
        if decision.variables or (when == "manual") is not (job.when == "manual"):
            own = self.layers.of(job, instance, decision.variables)
            layers = merged(own, of_job(job, instance, when))
            values = self.layers.values(layers)
        if environment is not None:
            environment = expanded(environment, putter(values, job.where))
            layers = merged(layers, of_environment(environment))
            values = self.layers.values(layers)
        put = putter(values, job.where)
        allowed, codes = _allow_failure(job, decision)
        work = with_variables(job.work, put)
        if work["environment"] is not None:
            _judge_environment(work["environment"], job, owner)
        if decision.interruptible is not None:
            work["interruptible"] = decision.interruptible
        if decision.start_in:
            at = At(owner, "start_in", decision.where)
            work["start_in_seconds"] = read_start_in(decision.start_in, at)
        waited = None if needs is None else edges.of(job, needs)
        return PlannedJob(
            **work,
            name=instance.name,
            job=job.name,
            stage=job.stage,
            where=job.where,
            needs=waited,
            when=when,
            start_in=decision.start_in or job.start_in,
            allow_failure=allowed,
            allowed_exit_codes=codes,
            variables=values,
            origins={name: variable.where for name, variable in layers.items()},
            files=frozenset(name for name, one in layers.items() if one.file),
            masked=frozenset(name for name, one in layers.items() if one.masked),
            decision=decision.settled(),
            instance=instance,
            artifacts_from=edges.sources(job, waited),
            elsewhere=expanded(elsewhere, put),
            forwarded=self.layers.forwarded(job, instance, decision.variables, values),
        )

    def _judge_circle(self, jobs: Mapping[str, PlannedJob], edges: Edges) -> None:
        """Needs that rules brought in may run in a circle, too."""
        graph: dict[str, dict[str, None]] = {}
        for written, needs in edges.written():
            graph.setdefault(written, {}).update(dict.fromkeys(needs))
        if found := circle({name: list(needs) for name, needs in graph.items()}):
            message = f"needs runs in a circle: {' → '.join(map(short, found[:20]))}."
            where = next(one.decision.where for one in jobs.values() if one.job == found[0])
            self.problems.append(Problem(where, "needs-cycle", message, "Remove one of them."))


def _judge_environment(environment: Environment, job: Job, owner: str) -> None:
    """A period that a variable brought is judged once it is known."""
    stops = environment.auto_stop_in
    if stops and "$" not in stops:
        period(stops, At(owner, "environment", job.keys.at("environment")), never=True)


def _allow_failure(job: Job, decision: Decision) -> tuple[bool, tuple[int, ...]]:
    """Manual jobs may fail by default, but not those that a rule makes manual."""
    given: Any = decision.allow_failure
    if given is None:
        given = job.keys.get("allow_failure")
    if given is None:
        return job.rules is None and job.when == "manual", ()
    if isinstance(given, bool):
        return given, ()
    codes = given.get("exit_codes") if isinstance(given, Map) else None
    listed = codes if isinstance(codes, list) else [codes]
    if not all(isinstance(code, int) and not isinstance(code, bool) for code in listed):
        where = job.keys.at("allow_failure")
        message = f"allow_failure of “{short(job.name)}” takes true, false or exit_codes."
        raise error(where, "allow_failure", message, "Write allow_failure: exit_codes: [137].")
    return False, tuple(listed)
