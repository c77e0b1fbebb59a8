"""What stands above and below a pipeline, as far as the actor sees it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.downstream.models import Downstream
from pipelines.permissions import VIEW
from pipelines.runs.addresses import api_of, page_of
from pipelines.runs.models import Job, Pipeline
from pipelines.runs.services.telling import row_of
from pipelines.runs.words import label_of, look_of
from rbac.access import visible
from rbac.actors import Actor

MOST = 100  # that are shown of one pipeline or job
HIDDEN = "a pipeline of a project that you do not see"


@dataclass(frozen=True)
class Linked:
    """Two pipelines and the job between them; `pipeline` is the one to show.

    Of one that the actor does not see there is nothing but that it is there.
    """

    job: Job
    run: int
    pipeline: Pipeline
    seen: bool
    home: int  # the project from which it is looked at
    below: bool = True  # it was started; else it is what started

    @property
    def title(self) -> str:
        if not self.seen:
            return HIDDEN.capitalize()
        own = self.pipeline.project_id == self.home
        return f"#{self.pipeline.number}" if own else str(self.pipeline)

    @property
    def kind(self) -> str:
        return "child" if self.child else "of another project"

    @property
    def child(self) -> bool:
        return self.pipeline.source == Pipeline.Source.PARENT

    @property
    def url(self) -> str:
        return page_of(self.pipeline) if self.seen else ""

    @property
    def job_url(self) -> str:
        return page_of(self.job)

    @property
    def job_api(self) -> str:
        return api_of(self.job) if self.seen or self.below else ""

    @property
    def api(self) -> str:
        return api_of(self.pipeline) if self.seen else ""

    @property
    def status(self) -> str:
        return self.pipeline.status if self.seen else ""

    @property
    def look(self) -> str:
        return look_of(self.pipeline)

    @property
    def label(self) -> str:
        return label_of(self.pipeline)

    @property
    def row(self) -> str:
        return row_of(self.pipeline.pk)


def below(actor: Actor, jobs: Iterable[Job], home: int) -> list[Linked]:
    """What trigger jobs of one pipeline started: by job, the newest first."""
    ids = [job.pk for job in jobs if job.triggers]
    if not ids:
        return []
    rows = Downstream.objects.filter(job__in=ids).select_related("job", "pipeline__project")
    rows = rows.defer("job__work", "pipeline__given", "pipeline__inputs", "made", "trigger")
    found = list(rows.order_by("job__position", "-run")[:MOST])
    elsewhere = [row.pipeline_id for row in found if row.pipeline.project_id != home]
    hidden = set(elsewhere) - _seen(actor, elsewhere)
    return [
        Linked(row.job, row.run, row.pipeline, row.pipeline_id not in hidden, home) for row in found
    ]


def newest(found: Sequence[Linked]) -> list[Linked]:
    """Of each job the one that its last run started."""
    by_job: dict[int, Linked] = {}
    for one in found:
        by_job.setdefault(one.job.pk, one)
    return list(by_job.values())


def above(actor: Actor, row: Pipeline) -> Linked | None:
    """The pipeline whose job started this one, and that job."""
    if row.source not in Pipeline.TRIGGERED:
        return None
    rows = Downstream.objects.filter(pipeline=row).select_related("job__pipeline__project")
    rows = rows.defer("job__work", "job__pipeline__given", "job__pipeline__inputs", "made")
    found = rows.first()
    if found is None:
        return None
    upper = found.job.pipeline
    seen = upper.project_id == row.project_id or bool(_seen(actor, [upper.pk]))
    return Linked(found.job, found.run, upper, seen, row.project_id, below=False)


def _seen(actor: Actor, ids: Sequence[int]) -> set[int]:
    if not ids:
        return set()
    rows = visible(actor, VIEW, Pipeline.objects.filter(pk__in=ids))
    return set(rows.values_list("pk", flat=True))
