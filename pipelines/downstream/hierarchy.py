"""A pipeline among those that started it: levels, how many there are, circles.

https://docs.gitlab.com/ci/pipelines/downstream_pipelines/#nested-child-pipelines
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pipelines.downstream.models import Downstream
from pipelines.downstream.refusing import CIRCLE, TOO_DEEP, TOO_MANY, Refused
from pipelines.engine.children import MAX_LEVELS
from pipelines.engine.problems import short
from pipelines.engine.values.trigger import Trigger
from pipelines.runs.models import Pipeline
from rbac.models import Project

MAX_PIPELINES = 1_000  # below one that nobody triggered, as published


@dataclass(frozen=True)
class Above:
    """The pipelines above a trigger job, its own first; and where they begin."""

    pipelines: tuple[Pipeline, ...]
    links: tuple[Downstream, ...]  # of the same, without the first of all
    root: int

    @property
    def level(self) -> int:
        """How many levels of children the job's own pipeline is below one that is no child."""
        return self.links[0].level if self.links else 0


def above(pipeline: Pipeline) -> Above:
    """What stands above a pipeline; each step is a link of the same hierarchy."""
    own = Downstream.objects.filter(pipeline=pipeline).first()
    if own is None:
        return Above((pipeline,), (), pipeline.pk)
    rows = Downstream.objects.filter(root=own.root_id).select_related("job__pipeline__project")
    by_pipeline = {row.pipeline_id: row for row in rows.defer("job__work", "made")[:MAX_PIPELINES]}
    pipelines, links, at = [pipeline], list[Downstream](), pipeline
    while (link := by_pipeline.pop(at.pk, None)) is not None:
        at = link.job.pipeline
        pipelines.append(at)
        links.append(link)
    return Above(tuple(pipelines), tuple(links), own.root_id)


def judge_size(root: int) -> None:
    """Raises `Refused` where a hierarchy has as many pipelines as it may."""
    if Downstream.objects.filter(root=root).count() >= MAX_PIPELINES:
        message = f"{MAX_PIPELINES} pipelines stand below the first one already."
        raise Refused(TOO_MANY, message, "Trigger fewer.")


def judge_child(found: Above, trigger: Trigger, given: dict[str, str]) -> None:
    """Raises `Refused` for a child of a grandchild, and for one that would begin itself again."""
    names = ", ".join(short(one.path) for one in trigger.include)
    for link, pipeline in zip(found.links, found.pipelines, strict=False):
        if not link.level:
            break
        same = msgspec.convert(link.trigger, Trigger).include == trigger.include
        if same and msgspec.json.decode(pipeline.given or "{}") == given:
            message = f"It would run in a circle: #{pipeline.number} above it is of {names}, too."
            raise Refused(CIRCLE, message, "End the circle by rules, or pass other variables.")
    if found.level >= MAX_LEVELS:
        message = f"Children go {MAX_LEVELS} levels down, and this would be one more ({names})."
        raise Refused(TOO_DEEP, message, "Start it from the pipeline above.")


def judge_project(found: Above, project: Project, ref: str) -> None:
    """Raises `Refused` where a pipeline of that project and branch stands above."""
    for pipeline in found.pipelines:
        if pipeline.project_id == project.pk and pipeline.ref == ref:
            message = (
                f"It would run in a circle: a pipeline of {project.name} for {short(ref)} stands"
                " above it."
            )
            raise Refused(CIRCLE, message, "Take one of the two triggers out, or name a branch.")
