"""Runs attempts as processes of this machine, several at once: `manage.py runner`.

The rows are the truth: a runner takes attempts by lease, renews it while a job runs, and stops
writing the moment that the lease is another's. Killing it loses what runs, and nothing else.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now

from idp.changes import leases
from idp.changes.leases import LeaseLost
from pipelines.downstream import artifacts
from pipelines.executors import secrets
from pipelines.executors.files import ServerFiles
from pipelines.executors.variables import for_job, to_mask
from pipelines.releases.services import publishing
from pipelines.running import environment, users
from pipelines.running.attempt import DEFAULT_SECONDS, Attempt, Limits, Order, Outcome
from pipelines.running.launching import Launcher
from pipelines.runs import claiming, commits, logs, work
from pipelines.runs.models import Attempt as Row
from pipelines.runs.models import Job
from pipelines.runs.services import ending
from pipelines.runs.services.ending import End

log = logging.getLogger(__name__)
PULSE_SECONDS = 0.1  # logs are stored
RENEW_SECONDS = claiming.SECONDS / 4
CANCEL_SECONDS = 0.3  # whether a job shall end is looked up
LOOK_SECONDS = 0.2  # without work
STOP_GRACE = 5.0


@dataclass
class _Running:
    taken: claiming.Taken
    writer: logs.Writer
    attempt: Attempt | None = None
    lost: bool = False


class Runner:
    """Takes and runs attempts until `stop` is set."""

    def __init__(self, stop: threading.Event, *, slots: int, name: str = "") -> None:
        self.stop = stop
        self.slots = slots
        self.name = name or leases.worker_name()
        self._turns = claiming.Turns()
        self._uid, self._gid = users.account(settings.CI_JOB_USER)
        self._running: dict[int, _Running] = {}
        self._lock = threading.Lock()
        self._freed = threading.Event()
        self._over = threading.Event()  # nothing runs any more

    def run(self) -> None:
        root = Path(settings.CI_SCRATCH_DIR)
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        root.chmod(0o700 if self._uid is None else 0o711)  # the jobs' user passes through it
        tidy(root)
        pulse = threading.Thread(target=self._pulse, name="runner-pulse", daemon=True)
        pulse.start()
        with Launcher() as launcher, ThreadPoolExecutor(self.slots, "runner") as pool:
            while not self.stop.is_set():
                self._freed.clear()
                if not self._fill(pool, launcher, root):
                    self._freed.wait(LOOK_SECONDS)
            self._end_all()
        self._over.set()
        pulse.join(timeout=STOP_GRACE)

    def _fill(self, pool: ThreadPoolExecutor, launcher: Launcher, root: Path) -> int:
        """Take as many attempts as there are free slots; how many."""
        with self._lock:
            free = self.slots - len(self._running)
        if free <= 0:
            return 0
        try:
            found = self._turns.take(free, name=self.name, reach=reach())
        except DatabaseError:
            log.warning("no attempt could be taken", exc_info=True)
            connection.close()
            return 0
        for taken in found:
            pool.submit(self._work, self._begun(taken), launcher, root)
        return len(found)

    def _begun(self, taken: claiming.Taken) -> _Running:
        running = _Running(taken, logs.Writer(taken.lease))
        with self._lock:
            self._running[taken.attempt.pk] = running
        return running

    # -- one attempt, in a thread of the pool ----------------------------------------------------

    def _work(self, running: _Running, launcher: Launcher, root: Path) -> None:
        """Run an attempt, and the next that waits in its place, until none does."""
        following: _Running | None = running
        try:
            while following is not None:
                current, following = following, None
                self._one(current, launcher, root)
                if not self.stop.is_set():
                    following = self._next()
                self._forget(current)
        except DatabaseError:
            log.warning("the next attempt could not be taken", exc_info=True)
            self._forget(current)
        finally:
            connection.close()
            self._freed.set()

    def _next(self) -> _Running | None:
        found = self._turns.take(1, name=self.name, reach=reach())
        return self._begun(found[0]) if found else None

    def _forget(self, running: _Running) -> None:
        with self._lock:
            self._running.pop(running.taken.attempt.pk, None)

    def _one(self, running: _Running, launcher: Launcher, root: Path) -> None:
        pk = running.taken.attempt.pk
        scratch = Path(tempfile.mkdtemp(dir=root, prefix=f"{pk}-"))
        try:
            self._attempt(running, launcher, scratch)
        except LeaseLost:
            log.info("attempt %s is somebody else's; nothing more is written", pk)
        except Exception:
            log.exception("attempt %s ended in an error of Slipway's", pk)
            self._give_up(running)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _attempt(self, running: _Running, launcher: Launcher, scratch: Path) -> None:
        lease, row = running.taken.lease, running.taken.attempt
        stored = work.decode(row.job.work)
        before = sources_of(row.job)
        variables = environment.plain() | for_job(row, stored, before)
        try:
            given = secrets.for_attempt(row, stored, variables)
        except secrets.SecretRefused as error:
            ending.finish(lease, End(Row.Status.FAILED, secrets.FAILURE, str(error)))
            return
        variables |= given.variables
        repository = commits.of_pipeline(row.job.pipeline)
        if repository is None:
            ending.finish(lease, End(Row.Status.FAILED, ending.LOST, "the repository is gone"))
            return
        files = ServerFiles(running.taken, stored.work, before, repository, variables)
        order = Order(
            name=row.job.name,
            work=stored.work,
            variables=variables,
            files={**stored.files, **given.files},
            secrets=(*to_mask(stored, variables), *given.values),
            timeout=float(stored.work.timeout or DEFAULT_SECONDS),
            limits=Limits(
                memory=settings.CI_JOB_MEMORY,
                disk=settings.CI_JOB_DISK,
                processes=settings.CI_JOB_PROCESSES,
                network=settings.CI_JOB_NETWORK,
                uid=self._uid,
                gid=self._gid,
            ),
        )

        def write(data: bytes, own: bool) -> None:
            running.writer.write(data, printed=own)

        running.attempt = Attempt(order, files, write, launcher, scratch)
        outcome = running.attempt.run()
        running.writer.flush()
        end = self._ended(row, _end(outcome, files.dotenv))
        ending.finish(lease, publishing.after(row, stored, variables, order.secrets, end))

    def _ended(self, row: Row, end: End) -> End:
        """The same, unless it was this runner's end that broke the job off."""
        broken_off = self.stop.is_set() and end.status == Row.Status.CANCELED
        if broken_off and not Row.objects.filter(pk=row.pk, cancel=True).exists():
            return End(Row.Status.FAILED, ending.LOST, "its runner was stopped")
        return end

    def _give_up(self, running: _Running) -> None:
        message = "Slipway could not run it; the runner's log says why"
        try:
            running.writer.flush()
            ending.finish(running.taken.lease, End(Row.Status.FAILED, ending.LOST, message))
        except (LeaseLost, DatabaseError):
            log.info("attempt %s will be ended by the sweeper", running.taken.attempt.pk)

    # -- the pulse, in a thread of its own -------------------------------------------------------

    def _pulse(self) -> None:
        renewed = looked = 0.0
        while not self._over.wait(PULSE_SECONDS):
            with self._lock:
                every = list(self._running.values())
            try:
                for running in every:
                    self._flush(running)
                if every and time.monotonic() - renewed > RENEW_SECONDS:
                    self._renew(every)
                    renewed = time.monotonic()
                elif every and time.monotonic() - looked > CANCEL_SECONDS:
                    self._look_for_cancels(every)
                    looked = time.monotonic()
            except DatabaseError:
                log.warning("the runner's pulse missed a beat", exc_info=True)
                connection.close()
        connection.close()

    def _flush(self, running: _Running) -> None:
        try:
            if running.writer.is_due:
                running.writer.flush()
        except LeaseLost:
            self._lose(running)

    def _renew(self, every: list[_Running]) -> None:
        for running in every:
            lease = running.taken.lease
            rows = Row.objects.filter(pk=lease.pk, status=Row.Status.RUNNING)
            if rows.filter(lease_token=lease.token).update(lease_until=leases.after(lease.seconds)):
                continue
            if Row.objects.filter(pk=lease.pk).exclude(lease_token=lease.token).exists():
                self._lose(running)

    def _look_for_cancels(self, every: list[_Running]) -> None:
        tokens = {one.taken.attempt.pk: one for one in every}
        rows = Row.objects.filter(pk__in=tokens, cancel=True, lease_until__gt=Now())
        for pk in rows.values_list("pk", flat=True):
            if (attempt := tokens[pk].attempt) is not None:
                attempt.cancel()

    def _lose(self, running: _Running) -> None:
        if not running.lost and running.attempt is not None:
            running.lost = True
            running.attempt.cancel(grace=0)

    def _end_all(self) -> None:
        """The runner ends: what runs is broken off, and runs again elsewhere as `retry` says."""
        with self._lock:
            every = list(self._running.values())
        for running in every:
            if running.attempt is not None:
                running.attempt.cancel(grace=STOP_GRACE)


def sources_of(job: Job) -> list[Row]:
    """The successful attempts whose artifacts a job takes, as far as they are there."""
    around = artifacts.of_job(job)
    if job.sources == [] or (job.sources is None and job.stage_at == 0):
        return around
    rows = Row.objects.filter(job__pipeline_id=job.pipeline_id, status=Row.Status.SUCCESS)
    if job.sources is not None:
        rows = rows.filter(job__name__in=job.sources)
    else:
        rows = rows.filter(job__stage_at__lt=job.stage_at)
    newest: dict[int, Row] = {}
    for row in rows.select_related("job").defer("job__work").order_by("number"):
        newest[row.job_id] = row
    return [*around, *sorted(newest.values(), key=lambda row: row.job.position)]


def _end(outcome: Outcome, dotenv: dict[str, str]) -> End:
    return End(
        status=str(outcome.status),
        failure=outcome.reason,
        message=outcome.message,
        exit_code=outcome.exit_code,
        coverage=outcome.coverage,
        dotenv=dotenv,
    )


def reach() -> claiming.Reach:
    """What the settings let this machine's runner take."""
    projects = frozenset(settings.CI_RUNNER_PROJECTS)
    return claiming.Reach(
        tags=frozenset(settings.CI_RUNNER_TAGS),
        projects=None if "*" in projects else projects,
        images=settings.CI_RUNNER_IGNORES_IMAGES,
    )


def tidy(root: Path) -> None:
    """Take away the folders that killed runners left: those of attempts that do not run."""
    left = {path: int(path.name.partition("-")[0]) for path in root.glob("[0-9]*-*")}
    rows = Row.objects.filter(pk__in=left.values(), status=Row.Status.RUNNING)
    running = set(rows.values_list("pk", flat=True))
    for path, pk in left.items():
        if pk not in running:
            shutil.rmtree(path, ignore_errors=True)


def serve(stop: threading.Event) -> None:
    """Run attempts until `stop` is set, with as many slots as the settings say."""
    if settings.CI_RUNNER_SLOTS:
        Runner(stop, slots=settings.CI_RUNNER_SLOTS).run()
