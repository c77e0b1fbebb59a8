"""A trigger job on this machine: its child pipeline runs inside of it.

Pipelines of other projects are not started from here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.engine.children import artifact_of, words
from pipelines.engine.planned import Plan, PlannedJob, State
from pipelines.engine.problems import short
from pipelines.engine.scheduling import Status
from pipelines.engine.source import MAX_BYTES
from pipelines.running.afresh import FilesError
from pipelines.running.attempt import Outcome
from pipelines.running.files import OutsideError, open_file
from pipelines.running.stores import Folders

NOT_MADE = "downstream_pipeline_creation_failed"


class Children(Protocol):
    """Who plans the children of a pipeline: `pipelines.engine.childplans.Children`."""

    def of(self, job: PlannedJob, made: Mapping[str, bytes]) -> tuple[Plan, Children]:
        """The child's plan and its own children; `ConfigError` where there is none."""


class Listener(Protocol):
    def output(self, job: str, data: bytes, *, own: bool) -> None: ...

    def status(self, job: str, status: Status, reason: str) -> None: ...


@dataclass(frozen=True)
class Inside:
    """Tells of a child's jobs behind the name of the job that started it."""

    listener: Listener
    owner: str

    def output(self, job: str, data: bytes, *, own: bool) -> None:
        self.listener.output(f"{self.owner}/{job}", data, own=own)

    def status(self, job: str, status: Status, reason: str) -> None:
        self.listener.status(f"{self.owner}/{job}", status, reason)


def planned(job: PlannedJob, children: Children | None, kept: Folders) -> tuple[Plan, Children]:
    """The child of a job; raises `FilesError` with the reason where none is made."""
    if job.trigger is None or job.trigger.project or children is None:
        raise FilesError("it starts no child pipeline", NOT_MADE)
    made = {
        artifact_of(one): _made(one.job, one.path, kept)
        for one in job.trigger.include
        if one.kind == "artifact"
    }
    plan, deeper = children.of(job, made)
    if plan.state is not State.CREATED:
        raise FilesError(f"no job of {words(job.trigger)} is in: {plan.reason}", NOT_MADE)
    return plan, deeper


def _made(job: str, path: str, kept: Folders) -> bytes:
    """A file that a job of this run left as an artifact."""
    with tempfile.TemporaryDirectory(prefix="slipway-ci-") as folder:
        kept.get(job, Path(folder))
        try:
            with open_file(Path(folder), path.removeprefix("/")) as file:
                data = file.read(MAX_BYTES + 1)
        except (OSError, OutsideError) as error:
            message = f"“{short(path)}” is not among the artifacts of “{short(job)}”"
            raise FilesError(message, NOT_MADE) from error
    if len(data) > MAX_BYTES:
        raise FilesError(f"“{short(path)}” has more than {MAX_BYTES} bytes", NOT_MADE)
    return data


def outcome(job: PlannedJob, status: Status) -> Outcome:
    """How a trigger job ends when its child ended so."""
    if job.trigger is None or not job.trigger.waits or status is Status.SUCCESS:
        return Outcome(Status.SUCCESS)
    if status is Status.CANCELED:
        return Outcome(Status.CANCELED)
    return Outcome(Status.FAILED, "", f"its child pipeline: {status}")
