"""The coverage that a job prints: the last match of its pattern, line by line.

https://docs.gitlab.com/ci/yaml/#coverage: the last number of the match, or of its last group.
"""

from __future__ import annotations

import re

import re2

from pipelines.engine import patterns

MAX_LINE = 100_000
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Coverage:
    """Looks for a pattern (`/…/`, empty for none) in a log that comes in chunks."""

    def __init__(self, pattern: str) -> None:
        self._pattern = patterns.compiled(pattern) if pattern else None
        self._rest = b""
        self._found: float | None = None

    def feed(self, data: bytes) -> None:
        if self._pattern is None:
            return
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._look(self._pattern, line)
        self._rest = rest[-MAX_LINE:]

    def close(self) -> float | None:
        """The percentage; None when no line fits."""
        if self._pattern is not None and self._rest:
            self._look(self._pattern, self._rest)
            self._rest = b""
        return self._found

    def _look(self, pattern: re2._Regexp, line: bytes) -> None:
        text = _COLOUR.sub("", line[-MAX_LINE:].decode(errors="replace")).rstrip("\r")
        matches = list(pattern.finditer(text))
        if not matches:
            return
        given = next((group for group in reversed(matches[-1].groups()) if group), None)
        if numbers := _NUMBER.findall(given or matches[-1].group()):
            self._found = float(numbers[-1])
