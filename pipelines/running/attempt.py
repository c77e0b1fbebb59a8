"""One attempt of a job: files in, its scripts, files out; what came of it, and why.

Knows no server: where files come from and go to is a `Keeper`, where the log goes is a function.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from pipelines.engine.scheduling import Status
from pipelines.engine.values.artifacts import Artifacts
from pipelines.engine.values.cache import Cache
from pipelines.engine.values.work import Work
from pipelines.running import collecting, files, network, script
from pipelines.running.afresh import FilesError, renew, write_new
from pipelines.running.coverage import Coverage
from pipelines.running.keys import cache_keys
from pipelines.running.launching import GRACE_SECONDS, Command, Ended, Launcher, LaunchError
from pipelines.running.masking import Masker

AFTER_SECONDS = 300.0  # for after_script, as with GitLab's runner
DEFAULT_SECONDS = 3_600.0
MAX_VARIABLE = 128_000  # bytes: what Linux takes for one
# Where variables come from that no job's report replaces: they are set outside of the file.
STRONGER = frozenset({"pipeline", "project", "group", "instance"})
_CHUNK = 65_536
YELLOW, RED, BOLD, RESET = "\x1b[33m", "\x1b[31;1m", "\x1b[36;1m", "\x1b[0;m"
_LIMITS = {
    "timeout": ("job_execution_timeout", "it took longer than its timeout of {timeout:g} s"),
    "memory": ("script_failure", "it used more memory than it may ({memory} bytes)"),
    "disk": ("script_failure", "it wrote more than it may ({disk} bytes)"),
    "processes": ("script_failure", "it started more processes than it may ({processes})"),
    "lost": ("runner_system_failure", "the process that watched it is gone"),
}


# Takes what is written, and whether the job wrote it; the rest tells what is done for the job.
Write = Callable[[bytes, bool], None]


# What keeps a cache from being restored or saved: no reason for a job to fail.
CACHE_ERRORS = (FilesError, OSError, ValueError)


class Keeper(Protocol):
    """Where an attempt's files come from and go to. Each call raises `FilesError`."""

    def sources(self, folder: Path) -> str:
        """Put the commit's files into the folder; what was done, in words."""

    def take(self, folder: Path) -> Sequence[str]:
        """Put in the artifacts of the jobs before; a line for each."""

    def pull(self, keys: Sequence[str], folder: Path) -> str | None:
        """Put in the first cache that is there, and tell its key."""

    def push(self, key: str, folder: Path, entries: Sequence[str]) -> None:
        """Keep a cache."""

    def keep(
        self, folder: Path, entries: Sequence[str], reports: Mapping[str, list[str]]
    ) -> Sequence[str]:
        """Keep artifacts, and the files of reports by their kind; what is wrong with a report."""

    def untracked(self, folder: Path) -> Iterable[str]:
        """The files that git does not know."""


@dataclass(frozen=True)
class Limits:
    """What one job may use: bytes and processes, 0 for no limit."""

    memory: int = 0
    disk: int = 0
    processes: int = 0
    network: str = ""
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class Order:
    """All that an attempt has to know. `files` are variables whose content comes as a file."""

    name: str
    work: Work
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    timeout: float = DEFAULT_SECONDS
    limits: Limits = Limits()


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt. `reason` is one of GitLab's failure reasons, empty for success."""

    status: Status
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    coverage: float | None = None


def _words(error: Exception) -> str:
    """What an error says; of the system's no path of this machine."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class Attempt:
    """Runs once, in a scratch folder that whoever made it takes away again."""

    def __init__(
        self,
        order: Order,
        keeper: Keeper,
        write: Write,
        launcher: Launcher,
        scratch: Path,
    ) -> None:
        self.order = order
        self.keeper = keeper
        self.launcher = launcher
        self.folder = scratch / "project"
        self._aside = scratch / "aside"  # HOME and files of variables: never an artifact
        self._scratch = scratch
        self._write = write
        self._masker = Masker(order.secrets)
        self._coverage = Coverage(order.work.coverage)
        self._running_lock = threading.Lock()
        self._running: Callable[[float], None] | None = None
        self._canceled = False
        self._network = ""
        self._ends = 0.0
        self._open = ""  # the section of the log

    def cancel(self, grace: float = GRACE_SECONDS) -> None:
        """End the script; `after_script` still runs. From any thread, any number of times."""
        with self._running_lock:
            self._canceled = True
            if self._running is not None:
                self._running(grace)

    def run(self) -> Outcome:
        """Run to the end; never raises for what a job or its files do."""
        self._ends = time.monotonic() + self.order.timeout
        try:
            outcome = self._run()
        except FilesError as error:
            outcome = Outcome(Status.FAILED, error.reason, str(error))
        except LaunchError as error:
            outcome = Outcome(Status.FAILED, "runner_system_failure", str(error))
        self._tell(outcome)
        return outcome

    def _run(self) -> Outcome:
        self.folder.mkdir(parents=True, exist_ok=True)
        variables = self._variables()
        try:
            self._network = network.wanted(variables, self.order.limits.network)
        except network.NetworkError as error:
            raise FilesError(str(error), "unmet_prerequisites") from error
        if self.order.work.pre_get_sources_script:
            before = self._before_sources(variables)
            if before.status is not Status.SUCCESS:
                return before
        self._section("get_sources", "Getting the sources")
        self._line(self.keeper.sources(self.folder))
        if self.order.work.caches:
            self._section("restore_cache", "Restoring the cache")
            self._pull()
        for number, line in enumerate(self.keeper.take(self.folder)):
            if number == 0:
                self._section("download_artifacts", "Downloading artifacts")
            self._line(line)
        self._own(self.folder if self.order.work.pre_get_sources_script else self._scratch)
        self._section("step_script", "Running the script")
        if self._network:
            self._line("It has no network but its own 127.0.0.1.")
        lines = (*self.order.work.before_script, *self.order.work.script)
        ended = self._execute("script", lines, variables, self._ends - time.monotonic())
        outcome = self._judge(ended)
        if self.order.work.after_script:
            self._after(variables, outcome)
        self._gather(outcome)
        return outcome

    def _before_sources(self, variables: dict[str, str]) -> Outcome:
        """Run `hooks: pre_get_sources_script` in HOME; nothing it left stands for the sources."""
        self._section("pre_get_sources", "Running pre_get_sources_script")
        self._aside.mkdir(exist_ok=True)
        self._own(self._scratch)
        lines, left = self.order.work.pre_get_sources_script, self._ends - time.monotonic()
        ended = self._execute("pre_get_sources", lines, variables, left, cwd=self._aside)
        renew(self.folder)
        outcome, self._coverage = self._judge(ended), Coverage(self.order.work.coverage)
        named = outcome.message.replace("the script", "pre_get_sources_script", 1)
        return replace(outcome, message=named, coverage=None)

    def _after(self, variables: dict[str, str], outcome: Outcome) -> None:
        self._section("after_script", "Running after_script")
        told = {**variables, "CI_JOB_STATUS": str(outcome.status)}
        ended = self._execute("after", self.order.work.after_script, told, AFTER_SECONDS, last=True)
        if ended.code:
            self._warn(f"after_script ended with exit code {ended.code}; the job's result stays.")

    def _execute(
        self,
        name: str,
        lines: Sequence[str],
        variables: Mapping[str, str],
        seconds: float,
        *,
        last: bool = False,
        cwd: Path | None = None,
    ) -> Ended:
        if seconds <= 0:
            return Ended(1, "timeout")
        path = self._scratch / f"{name}.sh"
        write_new(path, script.program(lines))
        limits = self.order.limits
        command = Command(
            argv=(script.shell()[0], str(path)),
            cwd=str(cwd or self.folder),
            env=dict(variables),
            scratch=str(self._scratch),
            timeout=seconds,
            memory=limits.memory,
            disk=limits.disk,
            processes=limits.processes,
            network=self._network,
            uid=limits.uid,
            gid=limits.gid,
        )
        with self._running_lock:
            if self._canceled and not last:
                return Ended(1, "ended")
            running = self.launcher.start(command)
            self._running = running.end if not last else None
        while data := os.read(running.output, _CHUNK):
            self._output(data)
        self._flush()
        ended = running.wait()
        with self._running_lock:
            self._running = None
        return ended

    def _judge(self, ended: Ended) -> Outcome:
        coverage = self._coverage.close()
        code = ended.code
        if ended.reason == "ended":
            return Outcome(Status.CANCELED, "", "it was cancelled", code, coverage)
        if ended.reason:
            reason, words = _LIMITS[ended.reason]
            facts = {**vars(self.order.limits), "timeout": self.order.timeout}
            return Outcome(Status.FAILED, reason, words.format(**facts), code, coverage)
        if code:
            message = f"the script ended with exit code {code}"
            return Outcome(Status.FAILED, "script_failure", message, code, coverage)
        return Outcome(Status.SUCCESS, exit_code=0, coverage=coverage)

    # -- variables and files ---------------------------------------------------------------------

    def _variables(self) -> dict[str, str]:
        found = {**self.order.variables, "CI_PROJECT_DIR": str(self.folder)}
        found["CI_BUILDS_DIR"] = str(self._scratch)
        if "HOME" not in found or self.order.files:
            self._aside.mkdir(exist_ok=True)
        found.setdefault("HOME", str(self._aside))
        for name, content in self.order.files.items():
            path = self._aside / name
            path.write_text(content, errors="surrogateescape")
            path.chmod(0o600)
            found[name] = str(path)
        for name, value in found.items():
            if len(value.encode(errors="surrogateescape")) > MAX_VARIABLE or "\0" in value:
                message = f"The variable {name} has a NUL byte or over {MAX_VARIABLE} bytes."
                raise FilesError(f"{message} Make it a file.", "unmet_prerequisites")
        return found

    def _own(self, below: Path) -> None:
        """Give what Slipway alone has written to the job's own user, where it has one."""
        uid, gid = self.order.limits.uid, self.order.limits.gid
        if uid is None or gid is None:
            return
        for folder, names, plain in os.walk(below):
            for name in (".", *names, *plain):
                os.lchown(f"{folder}/{name}", uid, gid)

    def _pull(self) -> None:
        for cache in self.order.work.caches:
            if not cache.pulls:
                continue
            try:
                keys = cache_keys(cache, self.folder)
                found = self.keeper.pull(keys, self.folder)
            except CACHE_ERRORS as error:
                self._warn(
                    f"The cache is not restored, and the job goes on without it: {_words(error)}"
                )
                continue
            self._line(f"Cache {found} is restored." if found else f"No cache {keys[0]} yet.")

    def _gather(self, outcome: Outcome) -> None:
        failed = outcome.status is not Status.SUCCESS
        if outcome.status is Status.CANCELED:
            return
        caches = [one for one in self.order.work.caches if one.pushes]
        kept = [one for one in caches if one.kept_after(failed=failed)]
        if kept:
            self._section("archive_cache", "Saving the cache")
        for cache in kept:
            try:
                self._push(cache)
            except CACHE_ERRORS as error:
                self._warn(f"The cache is not saved; the job's result stays: {_words(error)}")
        if self.order.work.artifacts is not None:
            self._keep(self.order.work.artifacts, failed=failed)
        if not failed and (path := collecting.described(self.order.work.release, self.folder)):
            self.keeper.keep(self.folder, [], {collecting.RELEASE: [path]})

    def _push(self, cache: Cache) -> None:
        key = cache_keys(cache, self.folder)[0]
        extra = self.keeper.untracked(self.folder) if cache.untracked else ()
        entries = collecting.find(self.folder, cache.paths, extra=extra)
        if entries:
            self.keeper.push(key, self.folder, entries)
            self._line(f"Cache {key} is saved: {len(entries)} files and folders.")
        else:
            self._warn(f"Cache {key}: nothing there to save.")

    def _keep(self, artifacts: Artifacts, *, failed: bool) -> None:
        reports = {
            report.kind: found
            for report in artifacts.reports
            if (found := self._files(report.paths))
        }
        wanted = artifacts.kept_after(failed=failed)
        entries: list[str] = []
        doubts: list[str] = []
        if wanted:
            extra = self.keeper.untracked(self.folder) if artifacts.untracked else ()
            meant = artifacts.paths, artifacts.exclude, extra
            entries, doubts = collecting.kept(self.folder, *meant)
        if not (entries or reports or wanted):
            return
        self._section("upload_artifacts", "Keeping artifacts")
        for report in artifacts.reports:
            if report.kind not in reports:
                doubts.append(f"{report.kind}: no file at {', '.join(report.paths)}.")
        for line in doubts:
            self._warn(line)
        if entries or reports:
            for line in self.keeper.keep(self.folder, entries, reports):
                self._warn(line)
            self._line(f"{len(entries)} files and folders, {len(reports)} reports are kept.")

    def _files(self, paths: Sequence[str]) -> list[str]:
        found = collecting.find(self.folder, paths)
        return [path for path in found if files.is_file(self.folder, path)]

    # -- the log ---------------------------------------------------------------------------------

    def _output(self, data: bytes) -> None:
        self._certain(self._masker.feed(data))

    def _flush(self) -> None:
        self._certain(self._masker.close())

    def _certain(self, data: bytes) -> None:
        if data:
            self._coverage.feed(data)
            self._write(data, True)

    def _line(self, text: str) -> None:
        data = f"{text}\n".encode(errors="surrogateescape")
        self._write(self._masker.feed(data) + self._masker.close(), False)

    def _warn(self, text: str) -> None:
        self._line(f"{YELLOW}{text}{RESET}")

    def _section(self, name: str, title: str) -> None:
        """End the section before, and begin one; an empty name begins none."""
        now = f"{time.time():.0f}"
        parts = [f"section_end:{now}:{self._open}\r\x1b[0K"] if self._open else []
        if name:
            parts.append(f"section_start:{now}:{name}\r\x1b[0K{BOLD}{title}{RESET}\n")
        self._open = name
        self._write("".join(f"\x1b[0K{part}" for part in parts).encode(), False)

    def _tell(self, outcome: Outcome) -> None:
        self._section("", "")
        if outcome.status is Status.FAILED:
            self._line(f"{RED}Job failed: {outcome.message}{RESET}")
        elif outcome.status is Status.CANCELED:
            self._line(f"{RED}Job cancelled{RESET}")
        else:
            self._line(f"{script.GREEN}Job succeeded{RESET}")
