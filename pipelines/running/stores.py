"""Caches and artifacts in folders of this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pipelines.running import files


class Folders:
    """Named folders: each write replaces one as a whole, readers see the old or the new."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()

    def put(self, name: str, source: Path, entries: Sequence[str]) -> files.Copied:
        """Keep entries of a folder under a name."""
        fresh = self.root / f"{uuid.uuid4().hex}.new"
        fresh.mkdir(parents=True)
        copied = files.copy(source, entries, fresh)
        place, old = self._place(name), fresh.with_suffix(".old")
        with self._lock:
            if place.exists():
                place.rename(old)
            fresh.rename(place)
        shutil.rmtree(old, ignore_errors=True)
        return copied

    def get(self, name: str, target: Path) -> files.Copied | None:
        """Put what is kept under a name into a folder; None when nothing is."""
        place = self._place(name)
        if not place.is_dir():
            return None
        return files.copy(place, [path for path, _ in files.walk(place)], target)

    def paths(self, name: str) -> list[str]:
        return [path for path, _ in files.walk(self._place(name))]

    def _place(self, name: str) -> Path:
        return self.root / hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:32]


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
