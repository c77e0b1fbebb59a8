"""Work trees of commits, made once and copied: the jobs of a pipeline all want the same one.

The first job that wants a commit gets a clone of its own, so that a commit with one job costs one
clone. The second makes a copy that is kept, for it and those behind it.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import subprocess
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from gitops.hosts.local import LocalRepository
from idp.common.errors import TemporaryBackendError
from pipelines.running import stores

log = logging.getLogger(__name__)
COMMITS = "commits"  # the folder beside the caches of projects
KEPT = 8  # work trees; the one that was not wanted for longest goes first
LEFT_SECONDS = 3_600.0  # until what a killed process left there goes
REMEMBERED = 1_000  # commits that were wanted once
_LOCKS = 16
_SECONDS = 300.0


class Checkouts:
    """The kept work trees of one machine; its threads and processes may share the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._wanted: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, repository: LocalRepository, sha: str, folder: Path, *, depth: int) -> None:
        """The commit's work tree in the folder, its repository its own (`clone_at`)."""
        key = f"{repository.path.resolve()}\0{sha}\0{depth}"
        place = self.root / hashlib.sha256(key.encode()).hexdigest()[:32]
        if self._is_first(place.name):
            repository.clone_at(folder, sha, depth=depth)
            return
        try:
            with self._alone(place.name):
                if not place.is_dir():
                    self._make(place, repository, sha, depth)
                os.utime(place)
            with stores.held(place) as kept:
                if kept is None:
                    raise FileNotFoundError(place)
                _copy(kept, folder)
        except OSError:  # it went meanwhile, or the disk is full: then the clone says so
            log.info("the kept work tree of %s cannot be copied", sha, exc_info=True)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
            repository.clone_at(folder, sha, depth=depth)

    def _is_first(self, name: str) -> bool:
        with self._lock:
            first = name not in self._wanted
            self._wanted[name] = None
            self._wanted.move_to_end(name)
            while len(self._wanted) > REMEMBERED:
                self._wanted.popitem(last=False)
        return first

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.root / f"{int(name[:4], 16) % _LOCKS}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make(self, place: Path, repository: LocalRepository, sha: str, depth: int) -> None:
        fresh = self.root / f"{uuid.uuid4().hex}.new"
        try:
            fresh.mkdir()
            repository.clone_at(fresh, sha, depth=depth)
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        found = [(path.stat().st_mtime, path) for path in self.root.iterdir() if path.is_dir()]
        found.sort(reverse=True)
        old = time.time() - LEFT_SECONDS  # what is being made or taken away has another end
        left = [path for at, path in found if path.suffix and at < old]
        for path in [*[path for _, path in found if not path.suffix][KEPT:], *left]:
            stores.remove(path)  # unless somebody copies it


@lru_cache(maxsize=4)
def kept_in(root: Path) -> Checkouts:
    """This process's work trees in a folder."""
    return Checkouts(root)


def _copy(place: Path, folder: Path) -> None:
    """Raises `OSError` where it does not come whole."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and our own folders, no shell
            ["cp", "-a", f"{place}/.", str(folder)],  # noqa: S607 - the system's own
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise TemporaryBackendError(f"A work tree took longer than {_SECONDS:.0f} s.") from error
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace")[:500])
