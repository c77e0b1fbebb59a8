"""Starts commands through the zygote, and tells how each ended.

A `Launcher` owns one zygote; threads may share it. Everything that a command started has ended
when `Running.wait` returns, and the output has an end.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pipelines.running import zygote

GRACE_SECONDS = 5.0
_ZYGOTE = Path(zygote.__file__)


class LaunchError(RuntimeError):
    """The process that starts jobs is gone."""


@dataclass(frozen=True)
class Command:
    """What to run. Limits are bytes, processes and seconds; 0 for none."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(repr=False)
    scratch: str = ""  # what `disk` counts
    timeout: float = 0
    grace: float = GRACE_SECONDS  # from the ask to the kill, when a limit is passed
    memory: int = 0
    disk: int = 0
    processes: int = 0
    network: str = ""  # "none": a private one, with 127.0.0.1 alone
    isolate: bool = True  # an own process namespace, where the kernel allows
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True)
class Ended:
    """How a command ended. `reason`: the limit it passed, "ended" when asked, "lost", or empty."""

    code: int
    reason: str = ""


class Running:
    """A command that runs; `output` is the read end of what it writes, blocking."""

    def __init__(self, control: socket.socket, output: int) -> None:
        self._control = control
        self.output = output

    def end(self, grace: float = GRACE_SECONDS) -> None:
        """Ask everything that the command started to end; kill it when the grace is over."""
        with contextlib.suppress(OSError):
            self._control.sendall(zygote.frame({"do": "end", "grace": grace}))

    def wait(self) -> Ended:
        """Wait until it has ended. Call it once; read `output` to its end before, or meanwhile."""
        answer = zygote.read_frame(self._control)
        self._control.close()
        os.close(self.output)
        if not isinstance(answer, dict):
            return Ended(zygote.CANNOT_START, "lost")
        return Ended(int(answer["exit"]), str(answer["reason"]))


class Launcher:
    """One zygote and the way to it. Use as a context: at its end, whatever still runs is killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._asking = ours
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-I", "-S", str(_ZYGOTE), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()

    def start(self, command: Command) -> Running:
        """Start a command; `LaunchError` when the zygote goes. The next one has a new zygote."""
        read, write = os.pipe2(os.O_CLOEXEC)
        ours, theirs = socket.socketpair()
        word = zygote.ISOLATED if command.isolate else zygote.SHARED
        try:
            with self._lock:
                if self._process.poll() is not None and not self._closed:
                    self._asking.close()
                    self._begin()
                socket.send_fds(self._asking, [word], [write, theirs.fileno()])
            ours.sendall(zygote.frame(vars(command)))
        except OSError as error:
            os.close(read)
            ours.close()
            raise LaunchError("The process that starts jobs is gone.") from error
        finally:
            os.close(write)
            theirs.close()
        return Running(ours, read)

    def close(self) -> None:
        self._closed = True
        self._asking.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
