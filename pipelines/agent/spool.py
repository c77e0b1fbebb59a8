"""What a job has written and Slipway has not stored yet: bounded, its head and its newest kept."""

from __future__ import annotations

import threading

from pipelines.agent.forms import MAX_LOG

HEAD = 4 * 1024 * 1024  # the first bytes of a log are never dropped
NEWEST = 2 * 1024 * 1024  # of what comes after them: bytes that wait


class Spool:
    """Written by a job's thread, emptied by whoever sends; an offset counts what was dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._head = bytearray()
        self._head_at = 0  # bytes of the log before the head that is left
        self._rest = bytearray()
        self._rest_at = HEAD

    def write(self, data: bytes) -> None:
        with self._lock:
            room = HEAD - self._head_at - len(self._head)
            self._head += data[:room]
            self._rest += data[room:]
            over = len(self._rest) - NEWEST
            if over > 0:
                del self._rest[:over]
                self._rest_at += over

    def next(self) -> tuple[int, bytes]:
        """An offset and the bytes to send from there."""
        with self._lock:
            if self._head:
                return self._head_at, bytes(self._head[:MAX_LOG])
            return self._rest_at, bytes(self._rest[:MAX_LOG])

    def stored(self, end: int) -> None:
        """Everything before this offset is safe."""
        with self._lock:
            done = min(end - self._head_at, len(self._head))
            if done > 0:
                del self._head[:done]
                self._head_at += done
            done = min(end - self._rest_at, len(self._rest))
            if done > 0:
                del self._rest[:done]
                self._rest_at += done

    def __len__(self) -> int:
        with self._lock:
            return len(self._head) + len(self._rest)
