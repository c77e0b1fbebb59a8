"""A whole pipeline on this machine: the plan's jobs in their order, several at once."""

from __future__ import annotations

import itertools
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipelines.engine.planned import Plan, PlannedJob
from pipelines.engine.problems import ConfigError
from pipelines.engine.scheduling import ENDED, Node, Scheduler, Status, Step, overall
from pipelines.reports.formats import dotenv
from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.running import below
from pipelines.running.afresh import FilesError
from pipelines.running.attempt import (
    DEFAULT_SECONDS,
    STRONGER,
    Attempt,
    Order,
    Outcome,
)
from pipelines.running.files import open_file
from pipelines.running.launching import Launcher
from pipelines.running.stores import Folders, untracked
from pipelines.running.workspace import Origin

KEPT_FROM_PERSON = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TERM", "TMPDIR")


class Listener(Protocol):
    """Who is told what happens; called from several threads."""

    def output(self, job: str, data: bytes, *, own: bool) -> None:
        """What a job wrote, or (not `own`) what is told of the work done for it."""

    def status(self, job: str, status: Status, reason: str) -> None:
        """A job's new status, and why."""


@dataclass(frozen=True)
class Choice:
    """What of the plan to run. `jobs` empty: everything."""

    jobs: frozenset[str] = frozenset()
    played: frozenset[str] = frozenset()  # manual jobs that are started by hand
    slots: int = 4


@dataclass(frozen=True)
class Ran:
    """How a job ended; `allowed` says that its failure counts as success."""

    status: Status
    outcome: Outcome | None = None
    allowed: bool = False
    seconds: float = 0.0
    attempts: int = 0
    reason: str = ""
    below: Result | None = None  # of a trigger job: how its child ended


@dataclass(frozen=True)
class Result:
    """The pipeline's status and each job's; `held` are jobs that never came to run."""

    status: Status
    jobs: Mapping[str, Ran]
    held: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.status in {Status.SUCCESS, Status.SKIPPED} and not self.held


def nodes_of(plan: Plan, jobs: Iterable[str] = ()) -> list[Node]:
    """The scheduler's nodes of a plan, or of some of its jobs."""
    wanted = frozenset(jobs)
    place = {stage: number for number, stage in enumerate(plan.stages)}
    return [
        Node(
            job.name,
            place[job.stage],
            job.when,
            None if job.needs is None else tuple(edge.job for edge in job.needs),
            job.allow_failure,
        )
        for job in plan.jobs.values()
        if not wanted or job.name in wanted
    ]


class LocalRun:
    """Runs a plan's jobs in workspaces copied from an origin."""

    def __init__(
        self,
        plan: Plan,
        origin: Origin,
        choice: Choice,
        listener: Listener,
        caches: Folders,
        *,
        children: below.Children | None = None,
    ) -> None:
        self.children = children
        self.plan = plan
        self.origin = origin
        self.choice = choice
        self.listener = listener
        self.caches = caches
        self.nodes = nodes_of(plan, choice.jobs)
        self._scheduler = Scheduler(self.nodes, manual_blocks=False)
        self._ran: dict[str, Ran] = {}
        self._reasons: dict[str, str] = {}
        self._dotenv: dict[str, dict[str, str]] = {}
        self._attempts: dict[str, Attempt | LocalRun] = {}
        self._below: dict[str, Result] = {}
        self._groups: dict[str, list[str]] = {}
        self._ended: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._canceled = threading.Event()
        self._back = threading.Lock()  # one job at a time copies into the checkout
        self._numbers = itertools.count(1)

    def cancel(self) -> None:
        """End every job that runs and start no other; from a signal handler, too."""
        self._canceled.set()
        self._ended.put(None)

    def run(self, launcher: Launcher | None = None) -> Result:
        """Everything to its end; `launcher` where one was started before."""
        scratch = Path(tempfile.mkdtemp(prefix="slipway-ci-"))
        try:
            with (
                nullcontext(launcher) if launcher else Launcher() as starts,
                ThreadPoolExecutor(self.choice.slots) as pool,
            ):
                self.kept = Folders(scratch / "artifacts")
                self.view = self.origin.view(scratch / "git")
                self._loop(lambda name: pool.submit(self._one, name, starts, scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return self._result()

    def _loop(self, start: Callable[[str], object]) -> None:
        running = self._take(self._scheduler.advance(), start)
        while running:
            name = self._ended.get()
            if name is None:
                self._end_all()
                continue
            running -= 1
            ran = self._ran[name]
            self._scheduler.put(name, ran.status, allowed=ran.allowed)
            self.listener.status(name, ran.status, ran.outcome.message if ran.outcome else "")
            running += self._next_of_group(name, start)
            if not self._canceled.is_set():
                running += self._take(self._scheduler.advance(), start)

    def _take(self, steps: Iterable[Step], start: Callable[[str], object]) -> int:
        """Begin what may begin; how many jobs began."""
        began = 0
        for step in steps:
            self._reasons[step.name] = step.reason
            status = step.status
            if status is Status.SCHEDULED or (
                status is Status.MANUAL and self._is_played(step.name)
            ):
                status = Status.PENDING
                self._scheduler.put(step.name, status)
            if status is Status.PENDING:
                began += self._begin(step.name, start)
            else:
                self.listener.status(step.name, status, step.reason)
        return began

    def _is_played(self, name: str) -> bool:
        job = self.plan.jobs[name]
        return bool({name, job.job} & (self.choice.played | self.choice.jobs))

    def _begin(self, name: str, start: Callable[[str], object]) -> int:
        group = self.plan.jobs[name].resource_group
        if group:
            queued = self._groups.setdefault(group, [])
            queued.append(name)
            if len(queued) > 1:
                reason = f"it waits for “{queued[0]}” in {group}"
                self.listener.status(name, Status.WAITING_FOR_RESOURCE, reason)
                return 0
        start(name)
        return 1

    def _next_of_group(self, name: str, start: Callable[[str], object]) -> int:
        queued = self._groups.get(self.plan.jobs[name].resource_group, [])
        if name in queued:
            queued.remove(name)
        if not queued or self._canceled.is_set():
            return 0
        start(queued[0])
        return 1

    def _end_all(self) -> None:
        for attempt in list(self._attempts.values()):
            attempt.cancel()

    # -- one job, in a thread of the pool --------------------------------------------------------

    def _one(self, name: str, launcher: Launcher, scratch: Path) -> None:
        job, began, attempts = self.plan.jobs[name], time.monotonic(), 0
        folder, outcome = scratch / "none", Outcome(Status.CANCELED)
        try:
            while not self._canceled.is_set():
                attempts += 1
                number = next(self._numbers)
                folder = scratch / str(number)
                if job.trigger is not None:
                    outcome = self._trigger(job, launcher)
                    break
                outcome = self._attempt(job, launcher, folder, number)
                again = outcome.status is Status.FAILED and attempts <= job.retry.max
                if not (again and job.retry.covers(outcome.reason, outcome.exit_code)):
                    break
                shutil.rmtree(folder, ignore_errors=True)
        except Exception as error:  # noqa: BLE001 - a job that is never told would hang the run
            message = f"{type(error).__name__}: {error}"
            outcome = Outcome(Status.FAILED, "runner_system_failure", message)
        finally:
            allowed = outcome.status is Status.FAILED and (
                job.allow_failure or outcome.exit_code in job.allowed_exit_codes
            )
            seconds = time.monotonic() - began
            inner = self._below.get(name)
            self._ran[name] = Ran(outcome.status, outcome, allowed, seconds, attempts, below=inner)
            self._ended.put(name)
            shutil.rmtree(folder, ignore_errors=True)

    def _trigger(self, job: PlannedJob, launcher: Launcher) -> Outcome:
        """Run the child of a trigger job inside of it."""
        self.listener.status(job.name, Status.RUNNING, "")
        if job.trigger is not None and job.trigger.project:
            return Outcome(Status.SUCCESS, message="pipelines of other projects start on a server")
        try:
            plan, deeper = below.planned(job, self.children, self.kept)
        except FilesError as error:
            return Outcome(Status.FAILED, error.reason, str(error))
        except ConfigError as fault:
            return Outcome(Status.FAILED, below.NOT_MADE, str(fault.problems[0]))
        inside = below.Inside(self.listener, job.name)
        choice = Choice(slots=self.choice.slots)
        run = LocalRun(plan, self.origin, choice, inside, self.caches, children=deeper)
        self._attempts[job.name] = run
        if self._canceled.is_set():
            run.cancel()
        try:
            self._below[job.name] = run.run(launcher)
        finally:
            self._attempts.pop(job.name, None)
        return below.outcome(job, self._below[job.name].status)

    def _attempt(self, job: PlannedJob, launcher: Launcher, folder: Path, number: int) -> Outcome:
        self.listener.status(job.name, Status.RUNNING, "")
        try:
            order = Order(
                name=job.name,
                work=job,
                variables=self._variables(job, number),
                files={name: job.variables[name] for name in job.files},
                secrets=tuple(job.variables[name] for name in job.masked),
                timeout=float(job.timeout or DEFAULT_SECONDS),
            )
            attempt = Attempt(
                order,
                _Files(self, job),
                lambda data, own: self.listener.output(job.name, data, own=own),
                launcher,
                folder,
            )
            self._attempts[job.name] = attempt
            if self._canceled.is_set():
                return Outcome(Status.CANCELED)
            return attempt.run()
        finally:
            self._attempts.pop(job.name, None)

    def _variables(self, job: PlannedJob, number: int) -> dict[str, str]:
        own = {name: os.environ[name] for name in KEPT_FROM_PERSON if name in os.environ}
        found = {
            **own,
            **job.variables,
            "CI_JOB_ID": str(number),
            "CI_PIPELINE_ID": "1",
            "CI_PIPELINE_IID": "1",
            "CI_JOB_STATUS": "running",
            "CI_SERVER": "yes",
            "CI_SERVER_NAME": "Slipway",
        }
        for before in self.sources_of(job):
            for name, value in self._dotenv.get(before, {}).items():
                origin = job.origins.get(name)
                if origin is None or origin.file not in STRONGER:
                    found[name] = value
        return found

    def sources_of(self, job: PlannedJob) -> list[str]:
        """The jobs whose artifacts a job takes, as far as they ran."""
        if job.artifacts_from is not None:
            return [name for name in job.artifacts_from if name in self._ran]
        stages = self.plan.stages
        before = stages[: stages.index(job.stage)]
        return [name for name in self._ran if self.plan.jobs[name].stage in before]

    def took_dotenv(self, job: str, folder: Path, paths: Iterable[str]) -> None:
        found: dict[str, str] = {}
        for path in paths:
            with open_file(folder, path) as file:
                try:
                    found.update(dotenv.read(Source(file)).values)
                except ReportRefused as error:
                    message = f"{path} is no dotenv report: {error}"
                    raise FilesError(message, "script_failure") from None
        self._dotenv[job] = found

    def give_back(self, folder: Path, entries: Sequence[str]) -> None:
        with self._back:
            Origin(folder, tuple(entries)).fill(self.origin.root)

    # -- the end ---------------------------------------------------------------------------------

    def _result(self) -> Result:
        statuses = dict(self._scheduler.status)
        jobs, held = {}, {}
        for node in self.nodes:
            status = statuses[node.name]
            if status not in ENDED and self._canceled.is_set():
                status = statuses[node.name] = Status.CANCELED
            if status is Status.CREATED:
                held[node.name] = tuple(self._scheduler.held_by(node.name))
            reason = self._reasons.get(node.name, "")
            jobs[node.name] = self._ran.get(node.name) or Ran(status, reason=reason)
        allowed = frozenset(name for name, ran in jobs.items() if ran.allowed)
        left = {Status.MANUAL, Status.CREATED}
        done = [node for node in self.nodes if statuses[node.name] not in left]
        return Result(overall(done, statuses, allowed), jobs, held)


class _Files:
    """The keeper of one attempt: the checkout, this run's artifacts, this machine's caches."""

    def __init__(self, run: LocalRun, job: PlannedJob) -> None:
        self.run = run
        self.job = job

    def sources(self, folder: Path) -> str:
        if self.job.variables.get("GIT_STRATEGY") in {"none", "empty"}:
            return "GIT_STRATEGY says that there are none."
        copied = self.run.origin.fill(folder, self.run.view)
        return f"{copied.entries} files of the checkout are copied."

    def take(self, folder: Path) -> Sequence[str]:
        lines = []
        for name in self.run.sources_of(self.job):
            copied = self.run.kept.get(name, folder)
            if copied is not None:
                lines.append(f"{copied.entries} files and folders of {name}.")
        return lines

    def pull(self, keys: Sequence[str], folder: Path) -> str | None:
        return next((key for key in keys if self.run.caches.get(key, folder)), None)

    def push(self, key: str, folder: Path, entries: Sequence[str]) -> None:
        self.run.caches.put(key, folder, entries)

    def keep(
        self, folder: Path, entries: Sequence[str], reports: Mapping[str, list[str]]
    ) -> Sequence[str]:
        if "dotenv" in reports:
            self.run.took_dotenv(self.job.name, folder, reports["dotenv"])
        if entries:
            self.run.kept.put(self.job.name, folder, entries)
            self.run.give_back(folder, entries)
        return ()

    def untracked(self, folder: Path) -> Iterable[str]:
        return untracked(folder, self.run.origin.paths)
