"""An attempt's log: written in chunks behind the lease's fence, its head and its tail kept.

A log of any length costs at most `HEAD` + `TAIL` bytes: past the head, the oldest chunk after it
goes when a new one comes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from django.db import transaction
from django.db.models import F

from idp.changes.leases import Lease, LeaseLost
from pipelines.runs.models import Attempt, LogChunk

HEAD = 4 * 1024 * 1024
TAIL = 1024 * 1024
CHUNK = 64 * 1024


class Writer:
    """Takes what a job writes from its thread; `flush` is called by another, now and then."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._lock = threading.Lock()  # of the buffer
        self._saving = threading.Lock()  # of the rows
        self._buffer = bytearray()
        self._skipped = 0  # bytes that never came into the buffer
        self._start = 0
        self._tail: list[tuple[int, int]] = []  # (start, size) of the chunks after the head

    def write(self, data: bytes) -> None:
        with self._lock:
            self._buffer += data
            over = len(self._buffer) - TAIL
            if over > 0 and self._start >= HEAD:
                del self._buffer[:over]
                self._skipped += over
        if len(self._buffer) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Store what is there; raises `LeaseLost` when the attempt is somebody else's."""
        with self._saving:
            with self._lock:
                data, skipped = bytes(self._buffer), self._skipped
                self._buffer.clear()
                self._skipped = 0
            if data or skipped:
                self._save(data, skipped)

    def _save(self, data: bytes, skipped: int) -> None:
        start = self._start + skipped
        pieces = [(at, data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
        dropped = skipped
        with transaction.atomic():
            if start >= HEAD:
                self._tail += [(start + at, len(piece)) for at, piece in pieces]
                dropped += self._forget()
            mine = Attempt.objects.filter(pk=self._lease.pk, lease_token=self._lease.token)
            size = start + len(data)
            if not mine.update(log_size=size, log_dropped=F("log_dropped") + dropped):
                raise LeaseLost(f"attempt {self._lease.pk} is somebody else's")
            LogChunk.objects.bulk_create(
                [
                    LogChunk(attempt_id=self._lease.pk, start=start + at, data=piece)
                    for at, piece in pieces
                ]
            )
        self._start = start + len(data)

    def _forget(self) -> int:
        """Delete the oldest chunks of the tail that are too many; the bytes that go with them."""
        gone: list[tuple[int, int]] = []
        while sum(size for _, size in self._tail) > TAIL and len(self._tail) > 1:
            gone.append(self._tail.pop(0))
        starts = [start for start, _ in gone]
        LogChunk.objects.filter(attempt_id=self._lease.pk, start__in=starts).delete()
        return sum(size for _, size in gone)


def read(attempt_id: int, offset: int = 0, limit: int = 1024 * 1024) -> tuple[bytes, int]:
    """Up to about `limit` bytes of the log from an offset, and the offset after them.

    Where bytes were not kept, a line says how many.
    """
    parts: list[bytes] = []
    at = offset
    for start, data in _chunks(attempt_id, offset):
        if start > at:
            parts.append(f"\n[{start - at} bytes are left out here]\n".encode())
        piece = data[max(offset - start, 0) :]
        parts.append(piece)
        at = start + len(data)
        if sum(map(len, parts)) >= limit:
            break
    return b"".join(parts), at


def _chunks(attempt_id: int, offset: int) -> Iterator[tuple[int, bytes]]:
    rows = LogChunk.objects.filter(attempt_id=attempt_id, start__gt=offset - CHUNK)
    for start, data in rows.order_by("start").values_list("start", "data").iterator(chunk_size=20):
        if start + len(data) > offset:
            yield start, bytes(data)
