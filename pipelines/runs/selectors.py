"""Reads of pipelines, jobs and what they left; each takes the actor who asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from idp.common import keyset
from idp.common.errors import Forbidden, NotVisible
from idp.common.narrowing import Narrowing
from pipelines.permissions import MANAGE, RUN, VIEW
from pipelines.runs.models import Artifact, Attempt, Job, Pipeline
from portal.permissions import keeper_scope
from rbac.access import can, get_visible, require, visible
from rbac.actors import Actor
from rbac.models import Project, Scope

PAGE_SIZE = 25
MAX_ATTEMPTS = 100  # of one job; older ones are reached by their number
Status = Job.Status


@dataclass(frozen=True)
class Filters(Narrowing):
    """What a list of pipelines is narrowed to; empty text does not narrow."""

    q: str = ""
    project: str = ""
    ref: str = ""
    status: str = ""
    source: str = ""
    actor: str = ""

    @property
    def condition(self) -> Q:
        exact = {
            "project__name": self.project,
            "ref": self.ref,
            "status": self.status,
            "source": self.source,
            "actor__username": self.actor,
        }
        found = Q(**{lookup: value for lookup, value in exact.items() if value})
        number = self.q.removeprefix("#")
        if not self.source and not number.isdecimal():  # as published: they are asked for
            found &= ~Q(source=Pipeline.Source.PARENT)
        if number.isascii() and number.isdecimal() and len(number) <= 9:  # noqa: PLR2004 - 32 bits
            return found & Q(number=int(number))
        if self.q:
            words = Q(title__icontains=self.q) | Q(ref__icontains=self.q)
            found &= words | Q(name__icontains=self.q) | Q(sha__startswith=self.q.lower())
        return found


def pipelines(actor: Actor, filters: Filters = Filters()) -> QuerySet[Pipeline]:
    """The pipelines that the actor sees and the filters leave, unordered, with what rows show."""
    rows = Pipeline.objects.filter(filters.condition, removing=False)
    rows = rows.select_related("project", "actor")
    return visible(actor, VIEW, rows).defer("given", "inputs", "left_out", "problems", "not_run")


def pipeline(actor: Actor, pk: int) -> Pipeline:
    """One pipeline, without the values that it was started with; raises `NotVisible`."""
    rows = Pipeline.objects.filter(removing=False)
    rows = rows.select_related("project__scope", "project__team", "actor")
    return get_visible(actor, VIEW, rows.defer("given", "inputs"), pk=pk)


def part(rows: QuerySet[Pipeline], *, before: str = "", after: str = "") -> keyset.Part[Pipeline]:
    """A page, newest first; a cursor that is not ours counts for none."""
    return keyset.part(rows, ("-pk",), size=PAGE_SIZE, before=before, after=after)


def projects(actor: Actor) -> list[str]:
    """Names of the projects whose pipelines the actor may see."""
    rows = visible(actor, VIEW, Project.objects.all()).order_by("name")
    return list(rows.values_list("name", flat=True)[:200])


@dataclass(frozen=True)
class Stage:
    """How a stage of a pipeline is, by the worst of its jobs."""

    name: str
    status: str
    counts: Mapping[str, int]

    @property
    def text(self) -> str:
        labels = dict(Status.choices)
        parts = [f"{count} {labels[one].lower()}" for one, count in self.counts.items()]
        return f"{self.name}: {', '.join(parts)}"


# What is worth saying of a stage, the first that one of its jobs has.
_WORST = (
    Status.FAILED, Status.RUNNING, Status.PENDING, Status.WAITING_FOR_RESOURCE, Status.MANUAL,
    Status.SCHEDULED, Status.CANCELED, Status.CREATED, Status.SUCCESS, Status.SKIPPED,
)  # fmt: skip
ALLOWED = "allowed"  # failed, and that counts as success


def stages(rows: Iterable[Pipeline]) -> dict[int, list[Stage]]:
    """The stages of pipelines, by the pipeline's id; one query."""
    jobs = Job.objects.filter(pipeline__in=[row.pk for row in rows])
    counted = jobs.values_list("pipeline_id", "stage_at", "stage", "status", "allowed")
    gathered: dict[tuple[int, int, str], dict[str, int]] = {}
    failed: set[tuple[int, int, str]] = set()
    for pipeline_id, at, name, status, allowed, count in counted.annotate(Count("pk")).order_by(
        "pipeline_id", "stage_at"
    ):
        key = (pipeline_id, at, name)
        here = gathered.setdefault(key, {})
        here[status] = here.get(status, 0) + count
        if status == Status.FAILED and not allowed:
            failed.add(key)
    found: dict[int, list[Stage]] = {}
    for key, counts in gathered.items():
        worst = next(one for one in _WORST if one in counts)
        word = ALLOWED if worst == Status.FAILED and key not in failed else str(worst)
        found.setdefault(key[0], []).append(Stage(key[2], word, counts))
    return found


# -- jobs ----------------------------------------------------------------------------------------


def jobs(row: Pipeline) -> QuerySet[Job]:
    """The jobs of a pipeline in the order of its graph, without what they do."""
    return row.jobs.defer("work").order_by("stage_at", "position")


def job(actor: Actor, pk: int) -> Job:
    """One job with its pipeline; raises `NotVisible`."""
    rows = Job.objects.filter(pipeline__removing=False)
    rows = rows.select_related("pipeline__project__scope", "pipeline__project__team")
    return get_visible(
        actor, VIEW, rows.defer("work", "pipeline__given", "pipeline__inputs"), pk=pk
    )


def attempts(row: Job) -> list[Attempt]:
    """The newest attempts of a job, newest first, without what they hand on."""
    return list(row.attempts.defer("dotenv").order_by("-number")[:MAX_ATTEMPTS])


def attempt(row: Job, number: int | None = None) -> Attempt | None:
    """An attempt by its number, else the newest; None before the first."""
    rows = row.attempts.defer("dotenv").order_by("-number")
    if number is None:
        return rows.first()
    found = rows.filter(number=number).first()
    if found is None:
        raise NotVisible(f"“{row.name}” has no attempt {number}.")
    return found


def artifacts(one: Attempt | None) -> list[Artifact]:
    if one is None:
        return []
    return list(one.artifacts.order_by("kind"))


def artifact(actor: Actor, row: Job, kind: str, number: int | None = None) -> Artifact:
    """An artifact that the actor may read; raises `NotVisible`, or `Forbidden` with the reason."""
    one = attempt(row, number)
    found = None if one is None else one.artifacts.filter(kind=kind[:40].replace("\0", "")).first()
    if found is None:
        raise NotVisible(f"“{row.name}” left no artifact “{kind[:40]}”.")
    _admit(actor, row.pipeline.project, found)
    return found


def _needed(project: Project) -> Mapping[str, tuple[str, Scope] | None]:
    """What each value of `artifacts:access` takes; any other lets nobody in."""
    return {
        "all": None,
        "developer": (RUN, keeper_scope(project)),
        "maintainer": (MANAGE, project.scope),
    }


def readable(actor: Actor, project: Project) -> list[str]:
    """The values of `artifacts:access` that let the actor in."""
    levels = _needed(project).items()
    return [level for level, needed in levels if needed is None or can(actor, *needed)]


def _admit(actor: Actor, project: Project, found: Artifact) -> None:
    """Hold `artifacts:access` of the file."""
    levels = _needed(project)
    if found.access not in levels:
        raise Forbidden(
            "These artifacts are for later jobs alone (artifacts: access: none).",
            fix="Set access: all, developer or maintainer in the file, and run the job again.",
        )
    if (needed := levels[found.access]) is not None:
        require(actor, *needed)
