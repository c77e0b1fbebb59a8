"""Files and folders made anew where a job may have left anything: no link of its is followed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class FilesError(RuntimeError):
    """Files that the job needs cannot be had; `reason` is one of GitLab's failure reasons.

    `again`: they may be had later.
    """

    def __init__(
        self, message: str, reason: str = "runner_system_failure", *, again: bool = False
    ) -> None:
        super().__init__(message)
        self.reason, self.again = reason, again


def write_new(path: Path, text: str) -> None:
    """Write a file anew; a link that a job left at its place is never followed."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        handle = os.open(path, flags, 0o644)
    except OSError as error:
        raise FilesError(f"{path.name} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", errors="surrogateescape") as file:
        file.write(text)


def renew(folder: Path) -> None:
    """An empty folder in place of whatever is there."""
    try:
        if folder.is_symlink() or not folder.is_dir():
            folder.unlink(missing_ok=True)
        else:
            shutil.rmtree(folder)
        folder.mkdir()
    except OSError as error:
        raise FilesError(f"{folder.name} cannot be made anew: {error.strerror}") from error
