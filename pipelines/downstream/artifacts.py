"""`needs:pipeline` with a job: what a job takes from the pipelines around its own.

https://docs.gitlab.com/ci/yaml/#needspipelinejob: the parent, and what stands below the same one.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from pipelines.downstream.models import Downstream
from pipelines.engine.plan import Plan
from pipelines.engine.problems import short
from pipelines.runs import work
from pipelines.runs.models import Attempt, Job, Pipeline

_DIGITS = 18


def of_job(job: Job) -> list[Attempt]:
    """The newest successful attempts of the jobs of other pipelines that a job names."""
    if job.pipeline.source not in Pipeline.TRIGGERED:
        return []
    return _found(job.pipeline, work.decode(job.work).elsewhere)


def missing(pipeline: Pipeline, made: Plan) -> str:
    """Which job of a plan cannot have what it names, and why; empty where each can."""
    for job in made.jobs.values():
        for pair in work.elsewhere(job):
            if not _found(pipeline, [pair]):
                number, name = pair
                return (
                    f"“{short(job.name)}” needs “{short(name)}” of the pipeline {short(number)}:"
                    " no such job has succeeded in a pipeline above this one or beside it. Pass"
                    " its number as a variable of the trigger job: $CI_PIPELINE_ID."
                )
    return ""


def _found(pipeline: Pipeline, wanted: Iterable[tuple[str, str]]) -> list[Attempt]:
    """Of the same project, and of the pipelines that began with the same one."""
    named = Q()
    for number, name in wanted:
        if number.isascii() and number.isdecimal() and len(number) <= _DIGITS:
            named |= Q(job__pipeline=int(number), job__name=name)
    link = Downstream.objects.filter(pipeline=pipeline).values_list("root", flat=True).first()
    if not named or link is None:
        return []
    around = Q(job__pipeline=link) | Q(job__pipeline__upstream__root=link)
    rows = Attempt.objects.filter(named, around, status=Attempt.Status.SUCCESS)
    rows = rows.filter(job__pipeline__project=pipeline.project_id)
    newest: dict[int, Attempt] = {}
    for row in rows.select_related("job").defer("job__work").order_by("number"):
        newest[row.job_id] = row
    return list(newest.values())
