"""Caches and artifacts in folders of this machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.running import files

_TRIES = 5
_DIGITS = 32
LOCK = ".lock"
NEW, LINK, GONE = ".new", ".link", ".gone"  # of what is on its way in or out


class TooLarge(ValueError):
    """What is to be kept is larger than one may be; the text says the figures."""


class Folders:
    """Named folders, each replaced as a whole: threads and processes may share them.

    What is kept under a name is a link to a *generation*, a folder that nobody writes again. A
    write replaces the link in one step; a reader holds a lock on the generation that it copies.
    """

    def __init__(self, root: Path, *, most: int = 0) -> None:
        """`most`: bytes of one; 0 for no bound."""
        self.root = root
        self.most = most

    def put(self, name: str, source: Path, entries: Sequence[str]) -> files.Copied:
        """Keep entries of a folder under a name; raises `TooLarge`, `OSError` for a full disk."""
        if self.most and (size := files.size_of(source, entries)) > self.most:
            raise TooLarge(f"it has {size:,} bytes, and one may have {self.most:,}")
        place = self._place(name)
        fresh = self.root / f"{uuid.uuid4().hex}{NEW}"
        fresh.mkdir(parents=True)
        try:
            copied = files.copy(source, entries, fresh)
            generation = self.root / f"{place.name}.{uuid.uuid4().hex}.{copied.size}"
            fresh.rename(generation)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        link = fresh.with_suffix(LINK)
        link.symlink_to(generation.name)
        with alone(self.root):
            before = place.resolve() if place.exists() else None
            if place.is_dir() and not place.is_symlink():  # as it was kept before there were links
                before = place.rename(fresh.with_suffix(GONE))
            link.replace(place)
        if before is not None:
            remove(before)
        return copied

    def get(self, name: str, target: Path) -> files.Copied | None:
        """Put what is kept under a name into a folder; None when nothing is."""
        place = self._place(name)
        for _ in range(_TRIES):
            with held(place) as generation:
                if generation is not None:
                    os.utime(generation)
                    found = [path for path, _ in files.walk(generation)]
                    return files.copy(generation, found, target)
            if not place.is_dir():
                return None
        return None

    def _place(self, name: str) -> Path:
        key = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()
        return self.root / key[:_DIGITS]


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Only one process at a time changes which generation a name of this root is."""
    with (root / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def held(place: Path) -> Iterator[Path | None]:
    """The folder at a place, which `remove` leaves for so long; None where it went this moment."""
    generation = place.resolve()
    try:
        handle = os.open(generation, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield generation if generation.is_dir() else None
    finally:
        os.close(handle)


def remove(generation: Path) -> bool:
    """Take a folder away, unless somebody reads it; whether it went."""
    try:
        handle = os.open(generation, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        gone = generation.rename(generation.with_name(f"{uuid.uuid4().hex}{GONE}"))
    except OSError:
        return False
    finally:
        os.close(handle)
    shutil.rmtree(gone, ignore_errors=True)
    return True


def untracked(folder: Path, known: Iterable[str]) -> list[str]:
    """The files in a workspace that were not put there."""
    tracked = set(known)
    return [
        path
        for path, is_folder in files.walk(folder)
        if not is_folder and path not in tracked and not path.startswith(".git/")
    ]


def folder_for(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where this machine keeps what may be lost: `$XDG_CACHE_HOME/slipway/NAME`."""
    base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "slipway" / name
