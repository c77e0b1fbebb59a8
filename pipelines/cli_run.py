"""`slipway ci run`: the checkout's pipeline, or some of its jobs, on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from idp.common.console import Code, fail, note, print_json, say
from pipelines.checkout import CheckoutFiles, origin_of
from pipelines.cli_server import confirm
from pipelines.engine.children import words
from pipelines.engine.planned import Plan, State
from pipelines.engine.scheduling import Status
from pipelines.running import sweeping
from pipelines.running.below import Children
from pipelines.running.choosing import ChoiceError, Wanted, choose
from pipelines.running.launching import Launcher
from pipelines.running.local import LocalRun, Ran, Result
from pipelines.running.stores import Folders, folder_for

_CACHES = sweeping.Bounds(seconds=30 * 86_400.0, size=20 * 1024**3)  # of all checkouts
_ROOM = 24  # for the names of children’s jobs
_COLOURS = (36, 35, 34, 33, 32, 96, 95, 94, 93, 92)


class Printer:
    """Prints each line behind its job's name; lines of several jobs are never mixed."""

    def __init__(self, names: Sequence[str], *, quiet: bool, verbose: bool, least: int = 0) -> None:
        self._width = min(max(map(len, names), default=0), 40)
        self._width = max(self._width, least)
        self._colour = {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(names)}
        self._rest: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._quiet, self._verbose = quiet, verbose
        self._tty = sys.stdout.isatty()

    def output(self, job: str, data: bytes, *, own: bool) -> None:
        if self._quiet or not (own or self._verbose):
            return
        with self._lock:
            *lines, rest = (self._rest.get(job, b"") + data).split(b"\n")
            self._rest[job] = rest
            self._print(job, lines)

    def status(self, job: str, status: Status, reason: str) -> None:
        with self._lock:
            if rest := self._rest.pop(job, b""):
                self._print(job, [rest])
        if not self._quiet and status not in {Status.RUNNING, Status.SUCCESS}:
            note(f"{job}: {status}{f', {reason}' if reason else ''}")

    def _print(self, job: str, lines: Sequence[bytes]) -> None:
        name = job if len(job) <= self._width else f"{job[: self._width - 1]}…"
        head = f"{name:<{self._width}} | "
        if self._tty:
            colour = self._colour.setdefault(job, _COLOURS[len(self._colour) % len(_COLOURS)])
            head = f"\x1b[{colour}m{head}\x1b[0m"
        marked = b"".join(head.encode() + line + b"\n" for line in lines)
        sys.stdout.buffer.write(marked)
        sys.stdout.buffer.flush()


def run(
    files: CheckoutFiles,
    plan: Plan,
    wanted: Wanted,
    launcher: Launcher,
    children: Children | None = None,
    **how: bool,
) -> Result:
    """Run what is wanted of a plan in a checkout; errors of use end the command."""
    if plan.state is not State.CREATED:
        raise fail(f"No pipeline: {plan.reason}.", Code.FAILED, fix="slipway ci explain JOB.")
    try:
        choice = choose(plan, wanted)
    except ChoiceError as error:
        raise fail(str(error), Code.NOT_FOUND, fix=error.fix) from None
    names = sorted(choice.jobs or plan.jobs)
    _not_here(plan, quiet=how.get("quiet", False))
    for job in plan.jobs.values():
        if job.when == "manual" and {job.name, job.job} & (choice.jobs | choice.played):
            confirm(job.name, job.manual_confirmation, yes=how.get("yes", False))
    told = {"quiet": how.get("quiet", False), "verbose": how.get("verbose", False)}
    printer = Printer(names, **told, least=_ROOM if children else 0)
    caches = Folders(folder_for(f"ci/caches/{files.root.name}"))
    local = LocalRun(plan, origin_of(files), choice, printer, caches, children=children)
    with _interrupts(local):
        found = local.run(launcher)
    sweeping.sweep(folder_for("ci/caches"), _CACHES)
    return found


def _not_here(plan: Plan, *, quiet: bool) -> None:
    """Say what of the plan takes a server, or nobody acts on."""
    if images := sorted({job.image.name for job in plan.jobs.values() if job.image}):
        note(
            f"Images are not used here, jobs run in this machine's shell: {', '.join(images)[:200]}"
        )
    if kept := sorted({one.name for job in plan.jobs.values() for one in job.secrets if one.runs}):
        note(f"Secrets that Slipway keeps are not given here: {', '.join(kept)[:200]}")
    if made := sorted({job.release.tag_name for job in plan.jobs.values() if job.release}):
        note(f"Releases are made on the server alone: {', '.join(made)[:200]}")
    for line in () if quiet else plan.not_run:
        note(line)
    for job in plan.jobs.values():
        if job.trigger is not None and job.trigger.project:
            note(f"{job.name}: {words(job.trigger)} is not started from here, it takes a server.")
        if any(one.pipeline and one.job for one in job.elsewhere):
            note(f"{job.name}: artifacts of other pipelines are not here, it takes a server.")


@contextmanager
def _interrupts(local: LocalRun) -> Iterator[None]:
    """Ctrl-C ends the jobs and lets them tidy up; the second one does not wait for them."""

    def end(*_: object) -> None:
        note("Ending the jobs; press Ctrl-C once more to kill them.")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        local.cancel()

    before = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tell(result: Result, plan: Plan, *, as_json: bool) -> None:
    """Print how each job ended and what the pipeline is; exit code 1 unless it succeeded."""
    if as_json:
        jobs = [_row(name, ran, result, plan) for name, ran in result.jobs.items()]
        print_json({"status": str(result.status), "jobs": jobs})
    else:
        for line in _lines(result):
            say(line)
        say(f"pipeline {'is held' if result.held else result.status}")
    if not result.succeeded:
        raise typer.Exit(int(Code.FAILED))


def _lines(result: Result, indent: str = "") -> Iterator[str]:
    for name, ran in result.jobs.items():
        yield f"{indent}{_line(name, ran, result)}"
        if ran.below is not None:
            yield from _lines(ran.below, f"{indent}  ")


def _row(name: str, ran: Ran, result: Result, plan: Plan) -> dict[str, Any]:
    outcome = ran.outcome
    return {
        "name": name,
        "stage": plan.jobs[name].stage,
        "status": str(ran.status),
        "allowed": ran.allowed,
        "exit_code": outcome.exit_code if outcome else None,
        "reason": (outcome.reason if outcome else "") or ran.reason,
        "coverage": outcome.coverage if outcome else None,
        "seconds": round(ran.seconds, 3),
        "attempts": ran.attempts,
        "waits_for": list(result.held.get(name, ())),
        "child": None if ran.below is None else str(ran.below.status),
    }


def _line(name: str, ran: Ran, result: Result) -> str:
    word = f"{ran.status} (allowed)" if ran.allowed else str(ran.status)
    parts = [f"{ran.seconds:.1f} s"] if ran.outcome else []
    if ran.outcome and ran.outcome.coverage is not None:
        parts.append(f"coverage {ran.outcome.coverage:g} %")
    if ran.attempts > 1:
        parts.append(f"{ran.attempts} attempts")
    if (ran.status is Status.FAILED or not ran.below) and ran.outcome and ran.outcome.message:
        parts.append(ran.outcome.message)
    if ran.status is Status.MANUAL:
        parts.append(f"start it with --manual '{name}'")
    elif not ran.outcome and ran.reason:
        parts.append(ran.reason)
    if waits := result.held.get(name):
        parts.append(f"waits for {', '.join(waits[:3])}")
    return f"{name:<24} {word:<18} {', '.join(parts)}".rstrip()
