"""The server's runner: one process, eight slots, a shallow clone for each of 300 jobs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench.figures import Figure
from bench.pipelines import cases
from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.engine.config import FILE
from pipelines.runs.models import LogChunk, Pipeline
from pipelines.runs.services import planning, starting
from rbac.actors import Actor, system
from rbac.models import Project, Role, User
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import create_team

JOBS, SLOTS, ROUNDS = 300, 8, 3
LIMIT = 300.0
ACTOR = system("bench")


def make() -> tuple[Actor, Project]:
    """A maintainer, and a project whose `main` has a pipeline of `JOBS` one-line jobs."""
    project = create_project(ACTOR, "bench", "Bench", create_team(ACTOR, name="bench"))
    user = User.objects.create_user("dana", "dana@example.test")
    role = Role.objects.get(name="maintainer")
    bind_role(ACTOR, role=role, user=user, scope=project.scope)
    on_disk = repositories.local(repositories.ensure(project))
    files: dict[str, bytes | None] = {FILE: cases.one_liners(JOBS).encode()}
    on_disk.write(MAIN, base=on_disk.head(), files=files, author=("d", "d@x"), message="Bench")
    return Actor(user), project


def figures(actor: Actor, project: Project) -> Iterator[Figure]:
    """To be called while a runner with `SLOTS` slots works the rows off."""
    rates, firsts = zip(*(_run(actor, project) for _ in range(ROUNDS)), strict=True)
    shown = f"{SLOTS} slots, a shallow clone each"
    yield Figure(
        "Jobs of one line, by one runner", statistics.median(rates), "/s", 20, beside=shown
    )
    yield Figure(
        "From queued to the first log line kept", statistics.median(firsts), "s", 1, most=True
    )


def _run(actor: Actor, project: Project) -> tuple[float, float]:
    """Jobs a second, and the seconds from the plan to the first piece of a log."""
    pipeline = starting.start(actor, project, "main")
    planning.work_on(pipeline.pk)
    begin = time.perf_counter()
    first = 0.0
    rows = Pipeline.objects.filter(pk=pipeline.pk)
    while time.perf_counter() - begin < LIMIT:
        if not first and LogChunk.objects.filter(attempt__job__pipeline=pipeline).exists():
            first = time.perf_counter() - begin
        found = rows.values_list("status", "finished_at").get()
        if found[1] is not None:
            if found[0] != Pipeline.Status.SUCCESS:
                raise RuntimeError(f"the pipeline ended as {found[0]}")
            return JOBS / (time.perf_counter() - begin), first
        time.sleep(0.02 if not first else 0.1)  # who looks takes its share of two processors
    raise RuntimeError(f"the pipeline took over {LIMIT:g} s")
