"""Collecting line hits of many files within bounds, and keeping them small."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping

from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import MAX_FILES, MAX_LINES, Coverage, FileCoverage

MAX_LINE = 10_000_000
MAX_HITS = 65_535
_SEVEN = 0x7F


class Collector:
    """Hits by file and line; a line told twice (an inner class) has the higher number."""

    def __init__(self, root: str = "") -> None:
        self.root = root
        self.files: dict[str, dict[int, int]] = {}
        self.kept = self.left_out = self.left_covered = 0
        self.branches = self.branches_covered = 0
        self._names: dict[str, str] = {}

    def file(self, name: str) -> dict[int, int] | None:
        """The file's hits to add to; None where there are too many files."""
        known = self._names.get(name)
        if known is None:
            known = relative(name, self.root)
            if len(self.files) >= MAX_FILES and known not in self.files:
                return None
            self._names[name] = known
        return self.files.setdefault(known, {})

    def line(self, hits: dict[int, int] | None, number: int, count: int) -> None:
        if not 0 < number <= MAX_LINE:
            return
        if hits is None or (number not in hits and self.kept >= MAX_LINES):
            self.left_out += 1
            self.left_covered += bool(count)
            return
        if number not in hits:
            self.kept += 1
        hits[number] = max(hits.get(number, 0), min(max(count, 0), MAX_HITS))

    def result(self) -> Coverage:
        files = tuple(
            FileCoverage(path, hits) for path, hits in sorted(self.files.items()) if path and hits
        )
        return Coverage(
            files=files,
            lines=sum(len(one.hits) for one in files) + self.left_out,
            covered=sum(one.covered for one in files) + self.left_covered,
            branches=self.branches,
            branches_covered=min(self.branches_covered, self.branches),
            left_out=self.left_out,
        )


def packed(hits: Mapping[int, int]) -> bytes:
    """Line steps and counts as variable-length numbers, compressed."""
    raw, last = bytearray(), 0
    for number, count in sorted(hits.items()):
        _put(raw, number - last)
        _put(raw, count)
        last = number
    return zlib.compress(bytes(raw), 6)


def unpacked(data: bytes) -> dict[int, int]:
    """What `packed` was given."""
    numbers = _numbers(zlib.decompress(data))
    hits, at = {}, 0
    for step in numbers:
        at += step
        hits[at] = next(numbers)
    return hits


def _put(raw: bytearray, number: int) -> None:
    while number > _SEVEN:
        raw.append(number & _SEVEN | 0x80)
        number >>= 7
    raw.append(number)


def _numbers(raw: bytes) -> Iterator[int]:
    value = shift = 0
    for byte in raw:
        value |= (byte & _SEVEN) << shift
        shift += 7
        if byte <= _SEVEN:
            yield value
            value = shift = 0
