"""The folder in which an agent's jobs work: its own, gone with the agent or with the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "slipway-agent-"
LOCK = ".lock"  # held by the process whose folder it is
FRESH_SECONDS = 60.0  # so young a folder may have its lock still to come


@contextmanager
def own(base: Path | None = None, *, shared: bool = False) -> Iterator[Path]:
    """A new folder below `base`, else below the system's; what dead agents left there goes.

    `shared`: another user may pass through it, to folders of its own.
    """
    parent = base or Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True, mode=0o711 if shared else 0o700)
    tidy(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        if shared:
            folder.chmod(0o711)
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def tidy(parent: Path) -> int:
    """Take away the folders of agents of this user that live no more; how many."""
    return sum(_gone(path) for path in parent.glob(f"{PREFIX}*"))


def _gone(path: Path) -> bool:
    try:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        if time.time() - found.st_mtime < FRESH_SECONDS:
            return False
        handle = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # its agent lives
    else:
        shutil.rmtree(path, ignore_errors=True)
        return True
    finally:
        os.close(handle)
