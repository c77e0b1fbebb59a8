"""The plans of child pipelines, where they are made at once: by the linter, on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pipelines.engine.children import MAX_LEVELS, SOURCE, child, passed
from pipelines.engine.config import load
from pipelines.engine.context import Context
from pipelines.engine.plan import plan
from pipelines.engine.planned import Plan, PlannedJob
from pipelines.engine.problems import error, short
from pipelines.engine.values.trigger import Trigger


@dataclass(frozen=True)
class Children:
    """The children of a pipeline of this context, so many levels below the first one."""

    context: Context
    level: int = 0

    def of(self, job: PlannedJob, made: Mapping[str, bytes]) -> tuple[Plan, Children]:
        """The plan of what a trigger job includes, and the children of that.

        Raises `ConfigError` like any plan; `made` has the artifacts by `children.artifact_of`.
        """
        trigger = job.trigger or Trigger()
        if self.level >= MAX_LEVELS:
            message = f"Children go {MAX_LEVELS} levels down; “{short(job.name)}” is one too deep."
            raise error(job.where, "trigger-depth", message, "Start it from the pipeline above.")
        found = child(trigger, job.name, self.context.files, made)
        below = replace(
            self.context,
            source=SOURCE,
            files=found.files,
            inputs={},
            pipeline_variables=passed(trigger, job.forwarded, self.context.pipeline_variables),
        )
        made_of = plan(load(found.data, below, found.file), below)
        return made_of, Children(below, self.level + 1)
