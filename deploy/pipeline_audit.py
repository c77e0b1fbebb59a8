"""What the pipelines' faults start, and how it is judged afterwards: by rows and by marks."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from django.db import DatabaseError, connection

from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.engine.config import FILE
from pipelines.engine.scheduling import ENDED
from pipelines.runs.models import Attempt, Job, LogChunk, Pipeline
from pipelines.runs.services import starting
from pipelines.runs.services.ending import LOST
from rbac.actors import Actor, system
from rbac.models import Project, Role, User
from rbac.services.bindings import bind_role
from rbac.services.projects import create_project
from rbac.services.teams import create_team

TRIES = 60
_SYSTEM = system("faults")


def make(text: str) -> None:
    """A person and a project whose `main` has the pipeline."""
    project = create_project(_SYSTEM, "faults", "Faults", create_team(_SYSTEM, name="faults"))
    user = User.objects.create_user("dana", "dana@example.test")
    role = Role.objects.get(name="maintainer")
    bind_role(_SYSTEM, role=role, user=user, scope=project.scope)
    on_disk = repositories.local(repositories.ensure(project))
    files: dict[str, bytes | None] = {FILE: text.encode()}
    on_disk.write(MAIN, base=on_disk.head(), files=files, author=("d", "d@x"), message="Faults")


def keep_one_running() -> None:
    """Start a pipeline when the last one is over; waits for a database that comes back."""
    last = ""
    for _ in range(TRIES):
        try:
            if not Pipeline.objects.exclude(status__in=Pipeline.ENDED).exists():
                actor = Actor(User.objects.get(username="dana"))
                starting.start(actor, Project.objects.get(name="faults"), "main")
        except DatabaseError as error:
            last = str(error)
            connection.close()
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"the database did not come back: {last}")


def wait_for_work(seconds: float) -> None:
    """Wait until a job runs, or so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if Attempt.objects.filter(status=Attempt.Status.RUNNING).exists():
                return
            keep_one_running()
        except DatabaseError:
            connection.close()
        time.sleep(0.2)


def lost() -> int:
    return Attempt.objects.filter(failure=LOST).count()


def settle(seconds: float) -> list[str]:
    """Wait until every pipeline is over; in words, those that never were."""
    end = time.monotonic() + seconds
    rows = Pipeline.objects.filter(finished_at=None)
    while time.monotonic() < end:
        try:
            if not rows.exists():
                return []
        except DatabaseError:
            connection.close()
        time.sleep(0.5)
    return [f"{one} never ended: {one.status}" for one in rows]


def wrong(marks: Path) -> list[str]:
    """Each thing that is not as it should be, in words."""
    found = [f"attempt {one.pk} of {one.job} is still {one.status}" for one in _open()]
    for job in Job.objects.prefetch_related("attempts").order_by("pk"):
        found += _of_job(job)
    done: Counter[str] = Counter()
    for path in marks.iterdir():
        done.update(line for line in path.read_text().splitlines() if line.startswith("done"))
    found += [f"attempt {line[5:]} did its work {n} times" for line, n in done.items() if n > 1]
    for attempt in Attempt.objects.filter(status=Attempt.Status.SUCCESS):
        if done[f"done {attempt.pk}"] != 1:
            found.append(f"attempt {attempt.pk} passed and never did its work")
    return found


def _open() -> list[Attempt]:
    rows = Attempt.objects.filter(status__in=[Attempt.Status.PENDING, Attempt.Status.RUNNING])
    return list(rows.select_related("job"))


def _of_job(job: Job) -> list[str]:
    name, attempts = f"{job.name} of {job.pipeline_id}", list(job.attempts.all())
    found = []
    if job.status not in ENDED:
        found.append(f"{name} is {job.status}")
    passed = [one for one in attempts if one.status == Attempt.Status.SUCCESS]
    if len(passed) != (job.status == "success"):
        found.append(f"{name} is {job.status} with {len(passed)} successful attempts")
    failed = [one for one in attempts if one.status == Attempt.Status.FAILED]
    found += [f"{name} failed as {one.failure}" for one in failed if one.failure != LOST]
    if job.status == "failed" and job.retries < 2:  # noqa: PLR2004 - what the file says
        found.append(f"{name} failed without its retries")
    for one in attempts:
        found += _of_log(one)
    return found


def _of_log(attempt: Attempt) -> list[str]:
    at, text = 0, b""
    rows = LogChunk.objects.filter(attempt=attempt).order_by("start")
    for start, data in rows.values_list("start", "data"):
        if start != at:
            return [f"the log of attempt {attempt.pk} has a hole at {at}"]
        at, text = start + len(data), text + bytes(data)
    if at != attempt.log_size:
        return [f"the log of attempt {attempt.pk} has {at} bytes and says {attempt.log_size}"]
    if attempt.status == Attempt.Status.SUCCESS and b"the last line" not in text:
        return [f"the log of attempt {attempt.pk} is not whole"]
    return []


def summary() -> str:
    jobs = Counter(Job.objects.values_list("status", flat=True))
    ended = ", ".join(f"{n} {status}" for status, n in sorted(jobs.items()))
    return f"{Pipeline.objects.count()} pipelines: {ended}; {lost()} attempts lost"
