"""Content by its digest in a folder of this machine, shared by whoever runs jobs here."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from pathlib import Path
from typing import IO

from django.conf import settings

from idp.common.errors import PermanentBackendError

CHUNK = 1024 * 1024
FRESH_SECONDS = 3_600.0


def put(file: IO[bytes]) -> tuple[str, int]:
    """Keep what a file holds from its beginning; its digest (SHA-256) and size in bytes."""
    found, size = hashlib.sha256(), 0
    root = _root()
    handle, name = tempfile.mkstemp(dir=root, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as target:
            file.seek(0)
            while chunk := file.read(CHUNK):
                found.update(chunk)
                size += len(chunk)
                target.write(chunk)
        place = path_of(found.hexdigest())
        place.parent.mkdir(exist_ok=True, mode=0o700)
        Path(name).replace(place)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return found.hexdigest(), size


def open_blob(digest: str) -> IO[bytes]:
    """The content, open for reading; `PermanentBackendError` when it is no longer there."""
    try:
        return path_of(digest).open("rb")
    except OSError as error:
        raise PermanentBackendError("The content is no longer there.") from error


def delete(digest: str) -> None:
    """Take content away that nobody refers to; what was kept a moment ago stays for its row."""
    path = path_of(digest)
    with contextlib.suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > FRESH_SECONDS:
            path.unlink()


def path_of(digest: str) -> Path:
    return _root() / digest[:2] / digest


def _root() -> Path:
    root = Path(settings.BLOBS_DIR)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    return root
