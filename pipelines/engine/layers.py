"""The variables of a job, layer by layer, and their values within what a pipeline may have.

https://docs.gitlab.com/ci/variables/#cicd-variable-precedence
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.engine.config import Config
from pipelines.engine.context import PREDEFINED, Context, merged, slug
from pipelines.engine.jobs import Job
from pipelines.engine.planned import Instance
from pipelines.engine.problems import error
from pipelines.engine.values.environment import Environment
from pipelines.engine.values.expanding import expanded, putter
from pipelines.engine.variables import Variable, expand, substitute

MAX_VALUES = 5_000_000  # variables of all jobs together
MAX_TEXT = 50_000_000  # characters that their expansion makes


class Layers:
    """Puts the layers of a pipeline together; `written` are the file's and the workflow rule's."""

    def __init__(self, config: Config, context: Context) -> None:
        self.config = config
        self.context = context
        self.predefined = context.predefined()
        self.kept, self.pipeline = context.outside()
        self.written = dict(config.variables)
        self._by_environment: dict[str, dict[str, Variable]] = {}
        self._values = self._text = 0

    def shared(self) -> dict[str, Variable]:
        """Those of the pipeline as a whole."""
        return merged(self.predefined, self.written, self.kept, self.pipeline)

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
        written = self._written(job, instance, ruled)
        return {**self.predefined, **written, **kept, **self.pipeline}

    def _written(
        self, job: Job, instance: Instance, ruled: Mapping[str, Variable]
    ) -> dict[str, Variable]:
        """Those that the file says for a job."""
        found: dict[str, Variable] = {}
        if job.inherits is True:
            found.update(self.written)
        elif job.inherits:
            names = frozenset(job.inherits)
            found.update({name: one for name, one in self.written.items() if name in names})
        found.update(job.variables)
        found.update(ruled)
        if instance.variables:
            matrix = instance.variables.items()
            found.update({name: Variable(text, job.where) for name, text in matrix})
        return found

    def forwarded(
        self,
        job: Job,
        instance: Instance,
        ruled: Mapping[str, Variable],
        values: Mapping[str, str],
    ) -> dict[str, str]:
        """What a trigger job hands to the pipeline that it starts: the file's variables for it.

        https://docs.gitlab.com/ci/yaml/#triggerforward
        """
        trigger = job.work.trigger
        if trigger is None or not trigger.yaml_variables:
            return {}
        return {
            name: substitute(one.value, values, one.where) if one.expand else one.value
            for name, one in self._written(job, instance, ruled).items()
        }

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


def of_job(job: Job, instance: Instance, when: str) -> dict[str, Variable]:
    """The predefined ones that a job has of its own."""
    facts = {
        "CI_JOB_NAME": instance.name,
        "CI_JOB_NAME_SLUG": slug(instance.name),
        "CI_JOB_GROUP_NAME": job.name,
        "CI_JOB_STAGE": job.stage,
    }
    if when == "manual":
        facts["CI_JOB_MANUAL"] = "true"
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
