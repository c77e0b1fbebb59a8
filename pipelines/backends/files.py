"""Content by its digest in a folder of this machine, shared by whoever runs jobs here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from idp.common.errors import PermanentBackendError

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Folder:
    """A store (`pipelines.backends.blobs.Store`) in files."""

    root: Path

    def put(self, file: IO[bytes]) -> tuple[str, int]:
        found, size = hashlib.sha256(), 0
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.root, prefix=".new-")
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

    def delete(self, digest: str, *, older_than: float) -> None:
        path = self.path_of(digest)
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > older_than:
                path.unlink()

    def path_of(self, digest: str) -> Path:
        return self.root / digest[:2] / digest
