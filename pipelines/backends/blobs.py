"""Content by its digest (SHA-256): in a folder that all processes share, or in a bucket of S3.

`SLIPWAY_BLOBS_BUCKET` names a bucket; without one it is the folder `SLIPWAY_BLOBS_DIR`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings

from pipelines.backends.files import Folder, Stored
from pipelines.backends.s3 import Bucket

FRESH_SECONDS = 3_600.0  # what was kept a moment ago stays: its row may be on the way


class Store(Protocol):
    """Keeps content; each call raises `BackendError` kinds."""

    def put(self, file: IO[bytes]) -> tuple[str, int]:
        """Keep what a file holds from its beginning; its digest and size in bytes."""

    def open(self, digest: str) -> IO[bytes]:
        """The content, seekable; `PermanentBackendError` when it is no longer there."""

    def delete(self, digest: str, *, older_than: float) -> bool:
        """Take content away unless it was kept in the last so many seconds; whether it is gone."""

    def each(self, after: str, most: int) -> Sequence[Stored]:
        """At most so many contents behind a digest, in the order of digests."""


def store() -> Store:
    """The installation's store."""
    if settings.BLOBS_BUCKET:
        return _bucket(settings.BLOBS_BUCKET, settings.BLOBS_ENDPOINT)
    return Folder(Path(settings.BLOBS_DIR))


@lru_cache(maxsize=4)
def _bucket(name: str, endpoint: str) -> Bucket:
    return Bucket(name, endpoint)


def put(file: IO[bytes]) -> tuple[str, int]:
    """Keep what a file holds from its beginning; its digest (SHA-256) and size in bytes."""
    return store().put(file)


def open_blob(digest: str) -> IO[bytes]:
    """The content, open for reading; `PermanentBackendError` when it is no longer there."""
    return store().open(digest)


def delete(digest: str, *, older_than: float = FRESH_SECONDS) -> bool:
    """Take content away that nobody refers to; False while it may stand for a row to come."""
    return store().delete(digest, older_than=older_than)
