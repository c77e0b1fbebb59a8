"""Rows of pipelines that nobody runs, for pages, REST and walks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from pipelines.backends import blobs
from pipelines.engine.values.work import Work
from pipelines.runs import work
from pipelines.runs.models import Artifact, Attempt, Job, LogChunk, Pipeline
from rbac.models import Project, User

WORK = work.encode(work.Stored(Work(), {}))


def make_pipeline(
    project: Project,
    user: User | None = None,
    stages: Sequence[str] = ("build", "test"),
    **values: Any,
) -> Pipeline:
    now = timezone.now()
    given = {
        "ref": "main",
        "sha": "c0ffee" + "0" * 34,
        "title": "Say hello",
        "source": Pipeline.Source.PUSH,
        "status": Pipeline.Status.SUCCESS,
        "started_at": now - timedelta(seconds=90),
        "finished_at": now,
    }
    return Pipeline.objects.create(
        project=project,
        number=project.pipelines.count() + 1,
        actor=user,
        actor_label=user.username if user else "tests",
        stages=list(stages),
        **(given | values),
    )


def make_job(pipeline: Pipeline, name: str, stage: str = "build", **values: Any) -> Job:
    given = {
        "position": pipeline.jobs.count(),
        "written": name,
        "stage": stage,
        "stage_at": pipeline.stages.index(stage),
        "status": Job.Status.SUCCESS,
        "work": WORK,
        "explanation": {"rule": "no rule keeps it out", "where": ".gitlab-ci.yml:3"},
        "runs": 1,
    }
    return Job.objects.create(pipeline=pipeline, name=name, **(given | values))


def make_attempt(job: Job, log: bytes = b"", **values: Any) -> Attempt:
    given = {
        "number": job.attempts.count() + 1,
        "status": Attempt.Status.SUCCESS,
        "project": job.pipeline.project,
        "started_at": timezone.now(),
        "finished_at": timezone.now(),
        "log_size": len(log),
    }
    found = Attempt.objects.create(job=job, **(given | values))
    if log:
        LogChunk.objects.create(attempt=found, start=0, data=log)
    return found


def make_artifact(attempt: Attempt, files: Mapping[str, bytes], **values: Any) -> Artifact:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    digest, size = blobs.put(target)
    given = {"kind": "archive", "name": "artifacts", "entries": len(files)}
    return Artifact.objects.create(attempt=attempt, digest=digest, size=size, **(given | values))
