"""Cases of runs: a folder with a CI file, made a repository, and what a local run of it does."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines import local_settings
from pipelines.checkout import CheckoutFiles, context_of, origin_of
from pipelines.engine.config import FILE, load
from pipelines.engine.plan import Plan, State, plan
from pipelines.engine.problems import ConfigError
from pipelines.engine.scheduling import Status
from pipelines.engine.source import MAX_BYTES
from pipelines.running.choosing import ChoiceError, Wanted, choose
from pipelines.running.local import LocalRun, Ran, Result
from pipelines.running.stores import Folders

_SECONDS = 60
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_AUTHOR = ("-c", "user.name=case", "-c", "user.email=case@example.invalid")
_COMMANDS = (
    ("init", "-q", "-b", "main"),
    ("add", "-A"),
    (*_AUTHOR, "commit", "-q", "--allow-empty", "-m", "case"),
    ("remote", "add", "origin", "https://git.example.invalid/group/case.git"),
)


class Refused(Exception):
    """No run came about; the text says why."""


class _Heard:
    """Keeps what the jobs write, by job."""

    def __init__(self) -> None:
        self.text: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def output(self, job: str, data: bytes, *, own: bool) -> None:
        with self._lock:
            self.text[job] = self.text.get(job, b"") + data

    def status(self, job: str, status: Status, reason: str) -> None:
        """Only the end counts here."""

    def lines(self, job: str) -> set[str]:
        text = _COLOUR.sub("", self.text.get(job, b"").decode(errors="replace"))
        return {line.rstrip("\r").strip() for line in text.split("\n")}


def misses(case: Mapping[str, Any], directory: Path) -> Iterator[str]:
    """What differs from what a case expects, in words."""
    source = (directory / str(case.get("dir", "."))).resolve()
    if not source.is_relative_to(directory.resolve()) or not source.is_dir():
        yield f"{case.get('dir')} is no folder of the cases"
        return
    expect: Mapping[str, Any] = case.get("expect") or {}
    heard = _Heard()
    with _repository(source) as root:
        try:
            made, result = _run(case, root, heard)
        except Refused as refusal:
            if not expect.get("exit_code") or expect.get("statuses"):
                yield f"refused: {refusal}"
            return
        yield from _differences(expect, made, result, heard)
        yield from _files(expect.get("files") or {}, root)


@contextmanager
def _repository(source: Path) -> Iterator[Path]:
    """The folder's content as a repository of its own, with one commit on main."""
    with tempfile.TemporaryDirectory(prefix="slipway-case-") as made:
        root = Path(made) / source.name
        shutil.copytree(source, root, symlinks=True)
        for path in (root, *root.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        for words in _COMMANDS:
            subprocess.run(  # noqa: S603 - fixed words, no shell
                ["git", *words],  # noqa: S607 - fixed words, no shell
                cwd=root,
                env=environment,
                check=True,
                timeout=_SECONDS,
                capture_output=True,
            )
        yield root


def _run(case: Mapping[str, Any], root: Path, heard: _Heard) -> tuple[Plan, Result]:
    variables = {key: str(value) for key, value in (case.get("variables") or {}).items()}
    files = CheckoutFiles(root)
    try:
        local = local_settings.read(root)
        given = str(case.get("file") or FILE)
        path = root / given if (root / given).is_file() else root / (local.file or given)
        if not path.is_file():
            raise Refused(f"there is no {given}")
        context = context_of(files, variables, local)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        made = plan(load(data, context, path.relative_to(root).as_posix()), context)
        if made.state is not State.CREATED:
            raise Refused(made.reason)
        wanted = Wanted(
            tuple(case.get("jobs") or ()),
            bool(case.get("with_needs")),
            str(case.get("stage") or ""),
            tuple(case.get("manual") or ()),
        )
        choice = choose(made, wanted)
    except (ConfigError, ChoiceError) as fault:
        raise Refused(str(fault)) from None
    origin = origin_of(files)
    with tempfile.TemporaryDirectory(prefix="slipway-caches-") as caches:
        run = LocalRun(made, origin, choice, heard, Folders(Path(caches)))
        limit = threading.Timer(_SECONDS, run.cancel)
        limit.start()
        try:
            return made, run.run()
        finally:
            limit.cancel()


def _differences(
    expect: Mapping[str, Any], made: Plan, result: Result, heard: _Heard
) -> Iterator[str]:
    code = 0 if result.succeeded else 1
    if expect.get("exit_code") not in {None, code}:
        yield f"exit code {expect['exit_code']} expected, {code} came ({result.status})"
    for job, wanted in (expect.get("statuses") or {}).items():
        got = {_word(result.jobs[name]) for name in _instances(made, job) if name in result.jobs}
        if got != {wanted}:
            yield f"{job}: {wanted} expected, {', '.join(sorted(got)) or 'nothing'} came"
    for job, lines in (expect.get("output") or {}).items():
        written = set().union(*(heard.lines(name) for name in _instances(made, job)))
        for line in lines:
            if str(line).strip() not in written:
                yield f"{job}: the line {line!r} is missing"
    for job, percent in (expect.get("coverage") or {}).items():
        ran = result.jobs.get(job)
        got_percent = ran.outcome.coverage if ran and ran.outcome else None
        if got_percent != percent:
            yield f"{job}: coverage {percent} expected, {got_percent} came"


def _word(ran: Ran) -> str:
    return f"{ran.status} (allowed)" if ran.allowed else str(ran.status)


def _instances(made: Plan, job: str) -> list[str]:
    return [one.name for one in made.jobs.values() if job in {one.name, one.job}]


def _files(expected: Any, root: Path) -> Iterator[str]:
    """`files`: a map of paths to whether they exist, or lists under `exist` and `absent`."""
    wanted: dict[str, bool] = {}
    for key, value in expected.items():
        if isinstance(value, bool):
            wanted[key] = value
        elif isinstance(value, list):
            there = key in {"exist", "exists", "present"}
            wanted |= dict.fromkeys(map(str, value), there)
        else:
            wanted[key] = value is not None
    for path, there in wanted.items():
        if (root / path).exists() != there:
            yield f"{path} is {'not there' if there else 'there'} after the run"
