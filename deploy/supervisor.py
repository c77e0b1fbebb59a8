"""Programs on loopback, started and stopped together: for tests, `make cluster` and `make faults`.

Each program has its own process group, log file and health check. Everything that was started is
stopped, newest first, when the `with` block ends: also after a failure, Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

_given: set[int] = set()


class StartFailed(RuntimeError):
    """A program ended or did not become healthy in time; the message ends with its log."""


def free_port() -> int:
    """A loopback port that nobody listens on, and that this process has not handed out before."""
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.add(port)
            return port
    raise StartFailed("no free loopback port found in 100 tries")


def listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def answers(url: str) -> bool:
    """Whether a loopback address answers, without an HTTP error, within two seconds."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # our own loopback address
            return bool(response.status)
    except OSError:  # refused, timed out, or an HTTP error (a subclass)
        return False


def wait_until(
    check: Callable[[], bool], *, seconds: float, what: str, every: float = 0.05
) -> float:
    """Poll `check` until it holds; the seconds it took. Raises `StartFailed` past the deadline."""
    begin = time.monotonic()
    while not check():
        if time.monotonic() - begin > seconds:
            raise StartFailed(f"{what} did not happen within {seconds:g} s")
        time.sleep(every)
    return time.monotonic() - begin


@dataclass
class Program:
    """One started program and how to start it again."""

    name: str
    command: list[str]
    log: Path
    cwd: Path
    env: Mapping[str, str] | None
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def tail(self, lines: int = 25) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Send a signal to the program's whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self, *, grace: float = 10) -> None:
        """TERM, then KILL after `grace` seconds; returns when the whole group is gone."""
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace)
        self.signal(signal.SIGKILL)
        self.process.wait(10)


def _bound_to_us(command: Sequence[str]) -> list[str]:
    """The command so wrapped that the kernel ends it when this process is killed outright.

    The kernel looks at the thread that starts it (prctl(2), PR_SET_PDEATHSIG): start programs in a
    thread that lives as long as they should.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else list(command)


class Supervisor:
    """Starts programs below one scratch directory; a context manager that stops them all."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs: list[Program] = []
        directory.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        ready: Callable[[], bool] | None = None,
        seconds: float = 30,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Program:
        """Start a program and wait until `ready` holds. Raises `StartFailed` with its log."""
        log = self.directory / f"{name}.log"
        words = [str(word) for word in command]
        with log.open("ab") as output:
            process = subprocess.Popen(
                _bound_to_us(words),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd or self.directory,
                env=None if env is None else {**os.environ, **env},
                start_new_session=True,
            )
        program = Program(name, words, log, cwd or self.directory, env, process)
        self.programs.append(program)
        if ready is not None:
            self._await(program, ready, seconds)
        return program

    def _await(self, program: Program, ready: Callable[[], bool], seconds: float) -> None:
        try:
            wait_until(
                lambda: not program.running or ready(),
                seconds=seconds,
                what=f"{program.name} becoming healthy",
            )
        except StartFailed as failure:
            raise StartFailed(f"{failure}; its log ends:\n{program.tail()}") from None
        if not program.running:
            code = program.process.returncode
            raise StartFailed(f"{program.name} ended with {code}; its log ends:\n{program.tail()}")

    def restart(self, program: Program) -> Program:
        """Start a program again that has ended, in the same place with the same command."""
        self.programs.remove(program)
        return self.start(program.name, program.command, env=program.env, cwd=program.cwd)

    def stop(self, *, grace: float = 10) -> None:
        while self.programs:
            self.programs.pop().stop(grace=grace)


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt, so that `finally` and `with` blocks run."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    previous = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
