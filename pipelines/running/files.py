"""Copies files between a workspace and what is kept of it; nothing leads out of either.

Entries are paths from a root with `/`. Links are copied as links, and only those that stay inside.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_ENTRIES = 500_000
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class OutsideError(ValueError):
    """A path leads out of its root."""


@dataclass(frozen=True)
class Copied:
    """How much was copied, and what was left because it leads outside or cannot be read."""

    entries: int
    size: int  # bytes
    left: tuple[str, ...] = ()


def walk(root: Path, start: str = "") -> Iterator[tuple[str, bool]]:
    """Each entry below `start` and whether it is a folder; links are not followed."""
    folders, seen = [start], 0
    while folders:
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > MAX_ENTRIES:
                return
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder:
                folders.append(path)
            yield path, is_folder


def copy(source: Path, entries: Iterable[str], target: Path) -> Copied:
    """Copy entries, replacing what stands there; folders are merged. `OSError`: a full disk."""
    root, base = _real(source), _real(target)
    count = size = 0
    left: list[str] = []
    made: set[str] = set()
    for path in entries:
        parent = os.path.dirname(path)  # noqa: PTH120 - texts: a Path for each entry costs most of it
        try:
            if parent not in made:
                _make_folder(root, base, parent)
                made.add(parent)
            size += _copy_one(f"{root}/{path}", f"{base}/{path}", root)
            count += 1
        except (OSError, OutsideError) as error:
            if isinstance(error, OSError) and error.errno in _FULL:
                raise
            left.append(path)
    return Copied(count, size, tuple(left))


def size_of(root: Path, entries: Iterable[str]) -> int:
    """The bytes of the files among entries; links count for nothing."""
    total = 0
    for path in entries:
        try:
            found = os.lstat(f"{root}/{path}")
        except OSError:
            continue
        total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _make_folder(root: str, base: str, folder: str) -> None:
    """Make a folder below the base; `OutsideError` where links lead out of it, or of the source."""
    if not inside(os.path.realpath(f"{root}/{folder}"), root):
        raise OutsideError(folder)
    where = f"{base}/{folder}" if folder else base
    if not inside(os.path.realpath(where), base):
        raise OutsideError(folder)
    os.makedirs(where, exist_ok=True)  # noqa: PTH103 - texts: a Path for each entry costs most of it


def inside(path: str, base: str) -> bool:
    return path == base or path.startswith(base.rstrip("/") + "/")


def open_file(root: Path, path: str) -> IO[bytes]:
    """A plain file below a root, open for reading; `OutsideError` for anything else."""
    base, target = _real(root), os.path.realpath(root / path)
    if not inside(target, base) or not os.path.isfile(target):  # noqa: PTH113 - texts: a Path for each entry costs most of it
        raise OutsideError(f"{path} is no file in the workspace")
    return open(target, "rb")  # noqa: PTH123 - texts: a Path for each entry costs most of it


def is_file(root: Path, path: str) -> bool:
    """Whether a path below a root is a plain file there, links followed."""
    target = os.path.realpath(root / path)
    return inside(target, _real(root)) and os.path.isfile(target)  # noqa: PTH113 - texts: a Path for each entry costs most of it


def _copy_one(source: str, target: str, base: str) -> int:
    """Copy one entry; the bytes of its content."""
    if os.path.islink(source):  # noqa: PTH114 - texts: a Path for each entry costs most of it
        if not inside(os.path.realpath(source), base):
            raise OutsideError(source)
        _clear(target)
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211 - texts: a Path for each entry costs most of it
        return 0
    if os.path.isdir(source):  # noqa: PTH112 - texts: a Path for each entry costs most of it
        if os.path.islink(target) or not os.path.isdir(target):  # noqa: PTH112, PTH114 - texts: a Path for each entry costs most of it
            _clear(target)
            os.mkdir(target)  # noqa: PTH102 - texts: a Path for each entry costs most of it
        return 0
    if not os.path.isfile(source):  # noqa: PTH113 - a socket, a pipe, a device
        raise OutsideError(source)
    _clear(target)
    shutil.copyfile(source, target)
    found = os.stat(source)  # noqa: PTH116 - texts: a Path for each entry costs most of it
    os.chmod(target, found.st_mode & 0o777)  # noqa: PTH101 - texts: a Path for each entry costs most of it
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))
    return found.st_size


def _clear(target: str) -> None:
    if os.path.islink(target) or os.path.isfile(target):  # noqa: PTH113, PTH114 - texts: a Path for each entry costs most of it
        os.unlink(target)  # noqa: PTH108 - texts: a Path for each entry costs most of it
    elif os.path.isdir(target):  # noqa: PTH112 - texts: a Path for each entry costs most of it
        shutil.rmtree(target)
