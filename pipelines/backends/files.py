"""Content by its digest in a folder of this machine, shared by whoever runs jobs here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from idp.common.errors import PermanentBackendError, TemporaryBackendError

CHUNK = 1024 * 1024
DIGEST = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"[0-9a-f]{2}")
_NEW = ".new-"


@dataclass(frozen=True)
class Stored:
    """One content, and the seconds since it was last put."""

    digest: str
    age: float


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


@dataclass(frozen=True)
class Folder:
    """A store (`pipelines.backends.blobs.Store`) in files."""

    root: Path

    def put(self, file: IO[bytes]) -> tuple[str, int]:
        found, size = hashlib.sha256(), 0
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.root, prefix=_NEW)
        try:
            with os.fdopen(handle, "wb") as target:
                file.seek(0)
                while chunk := file.read(CHUNK):
                    found.update(chunk)
                    size += len(chunk)
                    target.write(chunk)
            place = self.path_of(found.hexdigest())
            place.parent.mkdir(exist_ok=True, mode=0o700)
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return found.hexdigest(), size

    def open(self, digest: str) -> IO[bytes]:
        try:
            return self.path_of(digest).open("rb")
        except OSError as error:
            raise PermanentBackendError("The content is no longer there.") from error

    def delete(self, digest: str, *, older_than: float) -> bool:
        path = self.path_of(digest)
        try:
            if time.time() - path.stat().st_mtime <= older_than:
                return False
            path.unlink()
        except FileNotFoundError:
            return True
        except OSError as error:
            message = f"The content cannot be taken away: {error.strerror}."
            raise TemporaryBackendError(message) from error
        return True

    def each(self, after: str, most: int) -> Sequence[Stored]:
        now = time.time()
        found: list[Stored] = []
        for folder in _names(self.root):
            if len(found) >= most:
                break
            if not _PART.fullmatch(folder) or folder < after[:2]:
                continue
            for name in _names(self.root / folder):
                if name > after and DIGEST.fullmatch(name) and len(found) < most:
                    with contextlib.suppress(OSError):
                        kept = (self.root / folder / name).stat().st_mtime
                        found.append(Stored(name, now - kept))
        return found

    def tidy(self, older_than: float) -> None:
        """Take away what killed processes were about to put."""
        for path in self.root.glob(f"{_NEW}*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > older_than:
                    path.unlink()

    def path_of(self, digest: str) -> Path:
        return self.root / digest[:2] / digest
