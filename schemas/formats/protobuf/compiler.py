"""protoc as a service of this process: a set of named files in, compiled descriptors out.

Called by `schema`. Sources go into a private directory that holds nothing else; protoc reads it
and its own includes, so no import can reach another file of the disk.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import select
import signal
import subprocess  # the fixed worker beside this module is all that is started
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import grpc_tools  # type: ignore[import-untyped]  # grpcio-tools has no stubs

from idp.common.errors import FieldError
from schemas.formats.base import SECONDS, InvalidSchema, TooComplex
from schemas.formats.protobuf.descriptors import File, decode_set, encode_set

INCLUDES: Final = Path(grpc_tools.__file__).parent / "_proto"
WORKER: Final = Path(__file__).with_name("protoc_worker.py")
WAIT: Final = 10.0  # seconds for a turn
# Each run has its own limit of processor time: the clock's is for a machine with more to do.
DEADLINE: Final = 3 * SECONDS
MAX_ERRORS: Final = 20
MAX_SAID: Final = 100_000  # bytes of protoc's messages
MISSING: Final = re.compile(r"^(\S+): File not found\.$")
PLACED: Final = re.compile(r"^([^\s:]+):(\d+):(\d+): (.*)$")
NAMED: Final = re.compile(r"^([^\s:]+): (.*)$")
# The program's own log, which is where the faults of descriptors are told.
LOGGED: Final = re.compile(r"^E\d{4} [^\]]*\]\s*(?!Invalid proto descriptor)(.*)$")
CHATTER: Final = re.compile(r"^(WARNING: All log messages|[IWEF]\d{4} )|: warning: ")
HURRY: Final = "Split the schema into smaller files that import each other."


def compile_files(
    main: str, texts: Mapping[str, str], descriptors: Sequence[File] = ()
) -> tuple[File, ...]:
    """`main` and what it imports, imports first, from texts and ready descriptors by name.

    Raises `InvalidSchema` with protoc's messages and places, `TooComplex` past a limit.
    """
    with TemporaryDirectory(prefix="protobuf-") as name:
        place = Path(name)
        arguments = _written(place, main, texts, descriptors)
        status = WORKER_PROCESS.run(arguments, name)
        if status < 0:
            raise TooComplex("Compiling passes a limit of time, memory or size.", fix=HURRY)
        if status:
            raise _refusal(main, (place / "said").read_bytes()[:MAX_SAID].decode(errors="replace"))
        return decode_set((place / "out").read_bytes())


def _written(
    place: Path, main: str, texts: Mapping[str, str], descriptors: Sequence[File]
) -> list[str]:
    """Protoc's arguments, once the sources lie in `place`."""
    root = place / "in"
    root.mkdir()
    for name, text in texts.items():
        try:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8", newline="")
        except OSError as exc:
            why = "One reference's name is a folder of another's."
            raise InvalidSchema.at(name, "import", why) from exc
    arguments = ["protoc", "-Iin", f"-I{INCLUDES}", "--include_imports", "--retain_options"]
    if descriptors:
        (place / "set").write_bytes(encode_set(descriptors))
        arguments.append("--descriptor_set_in=set")
    return [*arguments, "--descriptor_set_out=out", main]


def _refusal(main: str, said: str) -> InvalidSchema:
    """What protoc says, each message with its place, the schema's own file left unnamed."""
    errors: list[FieldError] = []
    for line in said.splitlines():
        error = _error(main, line.strip().removeprefix("in/").removeprefix(f"{INCLUDES}/"))
        if error and error not in errors:
            errors.append(error)
    # A missing file comes first: what follows from it is noise to whoever reads one message.
    errors.sort(key=lambda error: error.rule != "import")
    if not errors:
        return InvalidSchema.at("/", "protoc", "protoc refuses the schema without a reason.")
    first = errors[0]
    return InvalidSchema(
        f"{first.field}: {first.message}", fix=first.fix, errors=errors[:MAX_ERRORS]
    )


def _error(main: str, line: str) -> FieldError | None:
    if logged := LOGGED.match(line):
        return FieldError("/", "protoc", logged[1])
    if not line or CHATTER.search(line):
        return None
    if missing := MISSING.match(line):
        name = missing[1]
        return FieldError(
            name, "import", "Nothing of this name is given.", f"Add a reference named “{name}”."
        )
    if placed := PLACED.match(line):
        file, row, column, message = placed.groups()
        where = f"{row}:{column}"
        return FieldError(where if file == main else f"{file}:{where}", "protoc", message)
    if named := NAMED.match(line):
        return FieldError("/" if named[1] == main else named[1], "protoc", named[2])
    return FieldError("/", "protoc", line)


class Worker:
    """The compiler's process: started at need, replaced when it hangs or ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], directory: str) -> int:
        """Protoc's exit status, negative when a limit ended it; raises `TooComplex`."""
        if not self._lock.acquire(timeout=WAIT):
            raise TooComplex("The compiler is busy.", fix="Try again.")
        try:
            asked = json.dumps({"arguments": list(arguments), "directory": directory}) + "\n"
            for _ in range(2):  # an idle worker has ended by itself: a second one answers
                with suppress(BrokenPipeError, EOFError):
                    return self._ask(asked.encode())
                self.end()
        finally:
            self._lock.release()
        raise TooComplex("The compiler ends before it answers.", fix=HURRY)

    def _ask(self, asked: bytes) -> int:
        process = self._alive()
        if process.stdin is None or process.stdout is None:
            raise EOFError
        process.stdin.write(asked)
        process.stdin.flush()
        ends, answer = time.monotonic() + DEADLINE, b""
        while not answer.endswith(b"\n"):
            ready = select.select([process.stdout], [], [], max(0.0, ends - time.monotonic()))[0]
            if not ready:
                self.end()
                raise TooComplex(f"Compiling takes longer than {DEADLINE:g} s.", fix=HURRY)
            part = os.read(process.stdout.fileno(), 4096)
            if not part:
                raise EOFError
            answer += part
        return int(json.loads(answer)["status"])

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no user's words
                [sys.executable, "-I", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,  # nothing half written may lie in a fork's copy
                start_new_session=True,  # so that ending it ends the run it forked
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                cwd="/",
            )
        return self._process

    def end(self) -> None:
        """Ends the process with what it runs; the next run starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        _close(process)

    def forget(self) -> None:
        """In a fork: the process is the parent's, and a thread may have held the lock."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


WORKER_PROCESS: Final = Worker()
atexit.register(WORKER_PROCESS.end)
os.register_at_fork(after_in_child=WORKER_PROCESS.forget)
