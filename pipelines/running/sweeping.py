"""Takes away kept folders (`running.stores`) that nobody used for long, or that are too much.

Whoever writes caches calls it now and then; several at once do no harm.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.running import stores

EVERY_SECONDS = 600.0
MOST = 1_000  # taken away in one sweep
LEFT_SECONDS = 3_600.0  # what was on its way for so long is left over
DEPTH = 3  # folders between the base and what is kept
_GENERATION = re.compile(r"([0-9a-f]{32})\.[0-9a-f]{32}\.(\d{1,18})")
_OLD = re.compile(r"[0-9a-f]{32}")
_WAY = (stores.NEW, stores.LINK, stores.GONE)
_swept: dict[Path, float] = {}


@dataclass(frozen=True)
class Bounds:
    """What may stay: seconds since the last use, and bytes of all together; 0 for no bound."""

    seconds: float
    size: int


@dataclass(frozen=True)
class _Kept:
    path: Path
    used: float
    size: int

    @property
    def place(self) -> Path:
        return self.path.with_name(self.path.name.partition(".")[0])

    @property
    def is_current(self) -> bool:
        return self.place.resolve() == self.path.resolve()


def now_and_then(base: Path, bounds: Bounds, *, apart: str = "") -> int:
    """`sweep`, unless this process did so a moment ago."""
    now = time.monotonic()
    if now - _swept.get(base, -EVERY_SECONDS) < EVERY_SECONDS:
        return 0
    _swept[base] = now
    return sweep(base, bounds, apart=apart)


def sweep(base: Path, bounds: Bounds, *, apart: str = "") -> int:
    """Take away what is past the bounds, least recently used first; how many.

    `apart` is a folder of the base that is somebody else's.
    """
    now, count = time.time(), 0
    current: list[_Kept] = []
    for kept in _found(base, bounds, now, apart):
        if count >= MOST:
            return count
        age = now - kept.used
        if kept.is_current:
            current.append(kept)
        elif age > LEFT_SECONDS:
            count += stores.remove(kept.path)
    current.sort(key=lambda kept: kept.used)
    total = sum(kept.size for kept in current)
    for kept in current:
        is_old = bool(bounds.seconds) and now - kept.used > bounds.seconds
        if count >= MOST or not (is_old or (bounds.size and total > bounds.size)):
            break
        total -= kept.size
        count += _take_away(kept)
    return count


def _take_away(kept: _Kept) -> int:
    with stores.alone(kept.path.parent):
        if kept.is_current:
            kept.place.unlink(missing_ok=True)
    return int(stores.remove(kept.path))


def _found(base: Path, bounds: Bounds, now: float, apart: str) -> Iterator[_Kept]:
    """Each generation below a base; what was left on the way goes meanwhile."""
    left = [(base, 0)]
    while left:
        folder, depth = left.pop()
        for path in _entries(folder):
            try:
                used = path.lstat().st_mtime
            except OSError:
                continue
            if match := _GENERATION.fullmatch(path.name):
                yield _Kept(path, used, int(match[2]))
            elif path.is_symlink() or not path.is_dir() or path.suffix in _WAY:
                if path.suffix in _WAY and now - used > LEFT_SECONDS:
                    _clear(path)
            elif _OLD.fullmatch(path.name):  # as it was kept before there were links
                if bounds.seconds and now - used > bounds.seconds:
                    stores.remove(path)
            elif depth < DEPTH and not (path.name == apart and not depth):
                left.append((path, depth + 1))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _clear(path: Path) -> None:
    if path.is_symlink():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
