"""The variables of a job, layer by layer, and their values within what a pipeline may have.

https://docs.gitlab.com/ci/variables/#cicd-variable-precedence
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.engine.config import Config
from pipelines.engine.context import PREDEFINED, Context, merged
from pipelines.engine.jobs import Job
from pipelines.engine.parallel import Instance
from pipelines.engine.problems import error
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.variables import Variable, expand

MAX_VALUES = 5_000_000  # variables of all jobs together
MAX_TEXT = 50_000_000  # characters that their expansion makes


class Layers:
    """Puts the layers of one pipeline together; `workflow` is what the workflow's rule brought."""

    def __init__(self, config: Config, context: Context) -> None:
        self.config = config
        self.context = context
        self.predefined = context.predefined()
        self.kept, self.pipeline = context.outside()
        self.workflow: Mapping[str, Variable] = {}
        self._by_environment: dict[str, dict[str, Variable]] = {}
        self._values = self._text = 0

    def shared(self) -> dict[str, Variable]:
        """Those of the pipeline as a whole."""
        written = merged(self.config.variables, self.workflow)
        return merged(self.predefined, written, self.kept, self.pipeline)

    def of(
        self, job: Job, instance: Instance, ruled: Mapping[str, Variable]
    ) -> dict[str, Variable]:
        """All variables of a job in the published order, the strongest last."""
        found = self._with(self.kept, job, instance, ruled)
        if job.work.environment is None or not self.context.scoped:
            return found
        return self._with(self._scoped(job.work.environment, found), job, instance, ruled)

    def _with(
        self,
        kept: Mapping[str, Variable],
        job: Job,
        instance: Instance,
        ruled: Mapping[str, Variable],
    ) -> dict[str, Variable]:
        shared: Mapping[str, Variable] = merged(self.config.variables, self.workflow)
        if job.inherits is False:
            shared = {}
        elif job.inherits is not True:
            shared = {name: one for name, one in shared.items() if name in job.inherits}
        matrix = {name: Variable(text, job.where) for name, text in instance.variables.items()}
        own = merged(job.variables, ruled, matrix)
        return merged(self.predefined, shared, own, kept, self.pipeline)

    def _scoped(
        self, environment: Environment, layers: Mapping[str, Variable]
    ) -> dict[str, Variable]:
        """What is kept for the environment, whose name is read without what is kept for it."""
        name = environment.name
        if "$" in name:
            name = expanded(environment, putter(self.values(layers), PREDEFINED)).name
        if name not in self._by_environment:
            self._by_environment[name] = self.context.outside(name)[0]
        return self._by_environment[name]

    def values(self, layers: Mapping[str, Variable]) -> dict[str, str]:
        """The values, within what all jobs of a pipeline may have together."""
        found = expand(layers)
        self._values += len(found)
        self._text += sum(len(found[name]) for name, one in layers.items() if "$" in one.value)
        if self._values > MAX_VALUES or self._text > MAX_TEXT:
            where = self.config.tree.at("variables")
            raise error(where, "size", "All jobs together have too many variables.", "Use fewer.")
        return found


def of_job(job: Job, instance: Instance) -> dict[str, Variable]:
    """The predefined ones that a job has of its own."""
    facts = {"CI_JOB_NAME": instance.name, "CI_JOB_STAGE": job.stage}
    if instance.total:
        facts |= {"CI_NODE_INDEX": str(instance.index)}
    facts |= {"CI_NODE_TOTAL": str(instance.total or 1)}
    return {name: Variable(text, PREDEFINED, expand=False) for name, text in facts.items()}


def of_environment(environment: Environment) -> dict[str, Variable]:
    facts = {
        "CI_ENVIRONMENT_NAME": environment.name,
        "CI_ENVIRONMENT_SLUG": environment.slug,
        "CI_ENVIRONMENT_ACTION": environment.action,
        "CI_ENVIRONMENT_TIER": environment.tier,
    }
    found = {name: Variable(text, PREDEFINED, expand=False) for name, text in facts.items()}
    if environment.url:
        found["CI_ENVIRONMENT_URL"] = Variable(environment.url, PREDEFINED)
    return found
