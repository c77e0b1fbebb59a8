"""Runs protoc for `schemas.formats.protobuf.compiler`; started as a program of its own.

One JSON line asks for one run: {"arguments": [...], "directory": path}; the answer is
{"status": n}, negative for a signal; the file `said` in the directory has protoc's messages.
Each run is a fork with limits on memory, processor time and file size: hostile text may crash or
exhaust the compiler, and then only that fork ends. Forking from here, where there is one thread
and little memory, costs a tenth of starting an interpreter.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys

from grpc_tools import (  # type: ignore[import-untyped]  # grpcio-tools has no stubs
    _protoc_compiler,
)

IDLE = 300  # seconds; a worker whose parent was replaced must not stay
MEMORY = 1 << 30
WRITTEN = 32 << 20
PROCESSOR = 2  # seconds
CRASHED = 70  # EX_SOFTWARE: the run ended in an exception rather than an answer


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    resource.setrlimit(resource.RLIMIT_FSIZE, (WRITTEN, WRITTEN))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def compile_here(arguments: list[str], directory: str) -> int:
    """Protoc's exit status; what it says goes to a file, as a pipe might fill unread."""
    limit()
    os.chdir(directory)  # messages name files by the path that protoc opened: a relative one
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(said, 2)
    return int(_protoc_compiler.run_main([word.encode() for word in arguments]))


def run(arguments: list[str], directory: str) -> int:
    """The status of one run in a fork."""
    child = os.fork()
    if child == 0:
        status = CRASHED
        try:
            status = compile_here(arguments, directory)
        finally:
            # Past this line would run the loop of the parent.
            os._exit(status & 0x7F)
    _, waited = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(waited)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's, meant for the server
    while select.select([sys.stdin], [], [], IDLE)[0]:
        line = sys.stdin.readline()
        if not line:
            return
        asked = json.loads(line)
        status = run(asked["arguments"], asked["directory"])
        sys.stdout.write(json.dumps({"status": status}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
