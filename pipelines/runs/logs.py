"""An attempt's log: written in chunks behind the lease's fence, its head and its tail kept.

A log of any length costs at most `HEAD` + `TAIL` bytes: past the head, the oldest chunk after it
goes when a new one comes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Length

from idp.changes.leases import Lease, LeaseLost
from pipelines.runs.models import Attempt, LogChunk

log = logging.getLogger(__name__)
HEAD = 4 * 1024 * 1024
TAIL = 1024 * 1024
CHUNK = 64 * 1024
TOLD_SECONDS = 0.5  # lines that a job did not print itself wait so long for company
MAX_HELD = 8 * 1024 * 1024  # bytes that wait while the database is away; older ones are dropped


class _Stored(Exception):
    """The row does not have the size that was last seen."""


class Writer:
    """Takes what a job writes from its thread; `flush` is called by another, now and then."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._lock = threading.Lock()  # of the buffer
        self._saving = threading.Lock()  # of the rows
        self._buffer = bytearray()
        self._due_at = 0.0
        self._skipped = 0  # bytes that never came into the buffer
        self.lost = False  # the attempt is somebody else's
        self._start = 0
        self._tail: list[tuple[int, int]] = []  # (start, size) of the chunks after the head

    def write(self, data: bytes, *, printed: bool = True) -> None:
        """Take it in; what cannot be stored now waits for the next `flush`. Raises nothing.

        `printed` by the job itself; the rest tells of the work that is done for it.
        """
        with self._lock:
            if printed or not self._buffer:
                self._due_at = time.monotonic() + (0 if printed else TOLD_SECONDS)
            self._buffer += data
            self._bound()
        if len(self._buffer) >= CHUNK and not self.lost:
            try:
                self.flush()
            except LeaseLost:
                log.info("attempt %s is somebody else's", self._lease.pk)
            except DatabaseError:
                log.warning("the log of attempt %s waits", self._lease.pk, exc_info=True)
                connection.close()

    @property
    def is_due(self) -> bool:
        """Whether something waits that whoever looks should see now."""
        return bool(self._buffer or self._skipped) and time.monotonic() >= self._due_at

    def resume(self) -> int:
        """Go on where the rows end; how far that is."""
        size = self._mine().values_list("log_size", flat=True).first()
        if size is None:
            raise LeaseLost(f"attempt {self._lease.pk} is somebody else's")
        rows = LogChunk.objects.filter(attempt_id=self._lease.pk, start__gte=HEAD).order_by("start")
        self._tail = list(rows.annotate(size=Length("data")).values_list("start", "size"))
        self._start = size
        return int(size)

    def skip(self, count: int) -> None:
        """So many bytes were not kept by whoever sends; only before anything is written."""
        with self._lock:
            self._skipped += count

    def _bound(self) -> None:
        over = len(self._buffer) - (TAIL if self._start >= HEAD else MAX_HELD)
        if over > 0:
            del self._buffer[:over]
            self._skipped += over

    def flush(self) -> None:
        """Store what is there; raises `LeaseLost` when the attempt is somebody else's."""
        with self._saving:
            with self._lock:
                data, skipped = bytes(self._buffer), self._skipped
                self._buffer.clear()
                self._skipped = 0
            if not data and not skipped:
                return
            try:
                self._save(data, skipped)
            except _Stored:
                self._go_on(data, skipped)
            except DatabaseError:
                with self._lock:
                    self._buffer[:0] = data
                    self._skipped += skipped
                raise

    def _go_on(self, data: bytes, skipped: int) -> None:
        """The row has another size: it was stored though nobody said so, or it is not ours."""
        size = self._mine().values_list("log_size", flat=True).first()
        if size is None or size < self._start:
            self.lost = True
            raise LeaseLost(f"attempt {self._lease.pk} is somebody else's")
        done = max(size - self._start - skipped, 0)
        self._start = size
        if data[done:]:
            self._save(data[done:], 0)

    def _mine(self) -> QuerySet[Attempt]:
        return Attempt.objects.filter(pk=self._lease.pk, lease_token=self._lease.token)

    def _save(self, data: bytes, skipped: int) -> None:
        start = self._start + skipped
        pieces = [(at, data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)]
        tail = self._tail
        if start >= HEAD:
            tail = tail + [(start + at, len(piece)) for at, piece in pieces]
        gone = _too_many(tail)
        dropped = skipped + sum(size for _, size in gone)
        with transaction.atomic():
            rows = self._mine().filter(log_size=self._start)
            size = start + len(data)
            if not rows.update(log_size=size, log_dropped=F("log_dropped") + dropped):
                raise _Stored
            if gone:
                starts = [at for at, _ in gone]
                LogChunk.objects.filter(attempt_id=self._lease.pk, start__in=starts).delete()
            LogChunk.objects.bulk_create(
                [
                    LogChunk(attempt_id=self._lease.pk, start=start + at, data=piece)
                    for at, piece in pieces
                ]
            )
        self._start, self._tail = start + len(data), tail[len(gone) :]


def append(lease: Lease, offset: int, data: bytes) -> int:
    """Store what whoever runs an attempt sends from an offset on; how far the log is stored.

    What is stored already is left out, and an offset past the end tells how much the sender did not
    keep. Raises `LeaseLost`.
    """
    writer = Writer(lease)
    size = writer.resume()
    if offset + len(data) > size:
        writer.skip(max(offset - size, 0))
        writer.write(data[max(size - offset, 0) :])
        writer.flush()
    return max(size, offset + len(data))


def _too_many(tail: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The oldest chunks of a tail that are more than it may have; the newest stays in any case."""
    size, at = sum(length for _, length in tail), 0
    while size > TAIL and at < len(tail) - 1:
        size -= tail[at][1]
        at += 1
    return tail[:at]


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
