"""Pipelines of the demo's orders project: one that passed, one with a red test, one that is held.

Made by the services as a runner would make them, except that no process runs.
"""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta

from django.utils import timezone

from gitops import repositories
from gitops.hosts.local import MAIN
from pipelines.backends import blobs
from pipelines.deploys import services as deploys
from pipelines.runs import claiming, logs
from pipelines.runs.models import Artifact, Attempt, Job, Pipeline
from pipelines.runs.services import ending, planning, starting
from pipelines.schedules import services as schedules
from rbac.actors import Actor
from rbac.models import Project

FILE = """\
stages: [build, test, deploy]

build:
  stage: build
  script: [make build]

unit:
  stage: test
  needs: [build]
  script: [make test]

lint:
  stage: test
  needs: []
  script: [make lint]

package:
  stage: test
  needs: [build, lint]
  script: [make package]

preview:
  stage: test
  script: [make preview]
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"

development:
  stage: deploy
  needs: [unit, package]
  script: [make deploy]
  environment: development

staging:
  stage: deploy
  needs: [unit, package]
  script: [make deploy]
  environment: staging
  when: manual
"""
COMMITS = (  # title, the job that fails, whether staging blocks, hours ago
    ("Take orders with several currencies", "", False, 26),
    ("Round amounts half to even", "unit", False, 5),
    ("Round amounts as the currency says", "", True, 1),
)
IMAGE = "registry.example.test/orders-api:1.5.0@sha256:" + "5e" * 32
SECONDS = {"build": 41, "unit": 95, "lint": 12, "package": 30, "development": 18}
_START = "\x1b[0Ksection_start:{at}:{name}\r\x1b[0K\x1b[1m{title}\x1b[0m\n"
_END = "\x1b[0Ksection_end:{at}:{name}\r\x1b[0K\n"


def make(actor: Actor, project: Project) -> None:
    repository = repositories.local(repositories.ensure(project))
    for title, broken, held, hours in COMMITS:
        text = FILE if not held else f"{FILE}  allow_failure: false\n"
        author = (actor.label, f"{actor.label}@example.test")
        files = {".gitlab-ci.yml": f"# {title}\n{text}".encode()}
        base = repository.head()
        repository.write(MAIN, base=base, files=files, author=author, message=title)
        pipeline = starting.start(actor, project, "main", source=Pipeline.Source.PUSH, before=base)
        planning.work_on(pipeline.pk)
        while taken := claiming.take(10, name="demo"):
            for one in taken:
                _finish(one, broken)
        _date(pipeline, hours)
    deploys.make_bundle(actor, project, {"images": {"web": IMAGE}})
    _schedule(actor, project)


def _schedule(actor: Actor, project: Project) -> None:
    schedules.create(
        actor, project, description="Nightly tests", cron="0 3 * * 1-5", timezone="Europe/Berlin",
        ref="main", variables={"SUITE": "full"},
    )  # fmt: skip
    schedules.create(
        actor, project, description="Rebuild images", cron="30 5 1 * *", ref="main", active=False
    )


def _finish(taken: claiming.Taken, broken: str) -> None:
    name = taken.attempt.job.name
    failed = name == broken
    writer = logs.Writer(taken.lease)
    writer.write(_log(name, failed=failed).encode())
    writer.flush()
    if name == "build":
        _leave(taken.attempt)
    if failed:
        end = ending.End("failed", "script_failure", "the script ended with exit code 1", 1)
    else:
        coverage = 87.5 if name == "unit" else None
        end = ending.End("success", exit_code=0, coverage=coverage)
    ending.finish(taken.lease, end)


def _leave(attempt: Attempt) -> None:
    """What a build leaves: a small archive."""
    target, files = io.BytesIO(), {"out/orders-api.txt": "built\n", "out/sha256": "c0ffee\n"}
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    digest, size = blobs.put(target)
    Artifact.objects.create(
        attempt=attempt,
        kind="archive",
        name="build",
        digest=digest,
        size=size,
        entries=len(files),
        expires_at=timezone.now() + timedelta(days=30),
    )


def _log(name: str, *, failed: bool) -> str:
    at = int(timezone.now().timestamp())
    target = {"unit": "test", "development": "deploy"}.get(name, name)
    said = f"\x1b[32m$ make {target}\x1b[0m\n"
    if name == "unit":
        tests = "".join(
            f"tests/test_amounts.py::test_{n} \x1b[32mPASSED\x1b[0m\n" for n in range(6)
        )
        red = "tests/test_amounts.py::test_half_to_even \x1b[31mFAILED\x1b[0m\n"
        said += tests + (red if failed else "TOTAL 87.5%\n")
    else:
        said += f"{target}: nothing else to be done\n"
    last = "\x1b[31;1mThe script ended with exit code 1\x1b[0m\n" if failed else "Job succeeded\n"
    return (
        _START.format(at=at, name="prepare", title="Get the sources")
        + "Cloned the commit, 20 commits deep\n"
        + _END.format(at=at + 1, name="prepare")
        + _START.format(at=at + 1, name="script", title="Run the script")
        + said
        + _END.format(at=at + SECONDS.get(name, 1), name="script")
        + last
    )


def _date(pipeline: Pipeline, hours: int) -> None:
    """Let the jobs have taken their time, some hours ago."""
    begin = timezone.now() - timedelta(hours=hours)
    ends = {0: begin}
    last = begin
    for job in Job.objects.filter(pipeline=pipeline, runs__gt=0).order_by("stage_at", "position"):
        start = begin if job.needs == [] else max(at for s, at in ends.items() if s <= job.stage_at)
        end = start + timedelta(seconds=SECONDS.get(job.name, 5))
        ends[job.stage_at + 1] = max(end, ends.get(job.stage_at + 1, end))
        last = max(last, end)
        Job.objects.filter(pk=job.pk).update(started_at=start, finished_at=end)
        Attempt.objects.filter(job=job).update(started_at=start, finished_at=end)
    rows = Pipeline.objects.filter(pk=pipeline.pk)
    rows.update(created_at=begin, started_at=begin)
    rows.exclude(finished_at=None).update(finished_at=last)
