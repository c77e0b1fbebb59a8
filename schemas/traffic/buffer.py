"""What calls showed, kept in the process until it is written: bounded, and safe among threads.

Filled by `schemas.traffic.noting` within requests, emptied by its writer.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import NamedTuple

from schemas.dependants.models import Role


class Use(NamedTuple):
    """One use, as the call named it: a subject's name in a context, a schema's id, or its guid.

    Beside an id or guid `subject` is what the caller said it is about, or empty.
    """

    role: Role
    context: str
    subject: str
    number: int = 0
    guid: str = ""


Batch = Mapping[int, Mapping[Use, float]]  # by token, each use with its last moment


class Buffer:
    """Uses by token; past the bounds new ones are dropped and counted, known ones go on."""

    def __init__(self, most: int, of_token: int) -> None:
        self._most, self._of_token = most, of_token
        self._uses: dict[int, dict[Use, float]] = {}
        self._lock = Lock()
        self.size = 0
        self.dropped = 0

    def note(self, token: int, use: Use, at: float) -> None:
        """Keep one use, or only its last moment where it is known."""
        with self._lock:
            self._keep(token, use, at)

    def _keep(self, token: int, use: Use, at: float) -> None:
        uses = self._uses.get(token)
        if uses is not None and use in uses:
            uses[use] = max(at, uses[use])
        elif self.size >= self._most or (uses is not None and len(uses) >= self._of_token):
            self.dropped += 1
        else:
            self._uses.setdefault(token, {})[use] = at
            self.size += 1

    def take(self) -> Batch:
        """Everything kept; the buffer is empty then."""
        with self._lock:
            taken, self._uses, self.size = self._uses, {}, 0
        return taken

    def put_back(self, batch: Batch) -> None:
        """Keep again what could not be written, as far as there is room."""
        with self._lock:
            for token, uses in batch.items():
                for use, at in uses.items():
                    self._keep(token, use, at)
