"""One way to run `git`: a deadline, a scrubbed environment, errors in our words."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from idp.common.errors import PermanentBackendError, TemporaryBackendError

DEADLINE = 20.0
QUARANTINE = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")


class GitError(PermanentBackendError):
    """`git` ended with an error; `stderr` is what it said, `output` what it had written."""

    code = "git"
    title = "The repository did not do it"

    def __init__(self, message: str, *, status: int, stderr: str, output: bytes = b"") -> None:
        super().__init__(message)
        self.exit_status = status
        self.stderr = stderr
        self.output = output


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every `git` sees: no person's configuration, no credentials, no prompt."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        **(extra or {}),
    }


def executable() -> str:
    """The path of `git`; raises where it is not installed."""
    found = shutil.which("git")
    if not found:
        raise PermanentBackendError(
            "The program git is not installed here.", fix="Install it: apt-get install git."
        )
    return found


def run(
    path: Path,
    *arguments: str,
    data: bytes = b"",
    extra: Mapping[str, str] | None = None,
    deadline: float = DEADLINE,
    also_errors: bool = False,
) -> bytes:
    """What `git` wrote; raises `GitError`, or `TemporaryBackendError` past the deadline.

    `also_errors`: what it wrote as errors, too, though it succeeded.
    """
    try:
        done = subprocess.run(  # noqa: S603 - arguments are ours or validated; no shell
            [executable(), f"--git-dir={path}", *arguments],
            input=data,
            capture_output=True,
            check=False,
            env=environment(extra),
            timeout=deadline,
        )
    except subprocess.TimeoutExpired as error:
        raise TemporaryBackendError(
            f"git {arguments[0]} took longer than {deadline:.0f} s on {path.name}."
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise GitError(
            f"git {arguments[0]} failed on {path.name}: {said[:500]}",
            status=done.returncode,
            stderr=said,
            output=done.stdout,
        )
    return done.stdout + done.stderr if also_errors else done.stdout
