"""LCOV's tracefile (geninfo(1)): SF, DA, BRDA and end_of_record; the rest is derived."""

from __future__ import annotations

from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.formats.lines import Collector
from pipelines.reports.formats.results import Coverage


class _Reader:
    def __init__(self, root: str) -> None:
        self.found = Collector(root)
        self.hits: dict[int, int] | None = None
        self.inside = self.seen = False

    def line(self, text: str, number: int) -> None:
        if text.startswith("DA:"):
            self._require_file("DA", number)
            line, count = self._numbers(text[3:], 2, number)
            self.found.line(self.hits, line, count)
        elif text.startswith("BRDA:"):
            self._require_file("BRDA", number)
            _, taken = self._numbers(text[5:], 4, number)
            self.found.branches += 1
            self.found.branches_covered += bool(taken)
        elif text.startswith("SF:"):
            self.hits = self.found.file(text[3:])
            self.inside = self.seen = True
        elif text.startswith("end_of_record"):
            self.inside, self.hits = False, None

    def _require_file(self, word: str, number: int) -> None:
        if not self.inside:
            raise ReportRefused("order", f"Line {number}: {word} stands before any SF.")

    def _numbers(self, text: str, needed: int, number: int) -> list[int]:
        """The first number and the last needed one; `-` (never reached) is 0."""
        words = text.split(",", needed)[:needed]
        try:
            first, last = int(words[0]), words[needed - 1]
            return [first, int(last) if last.strip() != "-" else 0]
        except (ValueError, IndexError):
            raise ReportRefused("form", f"Line {number} lacks numbers: {text[:60]}") from None


def read(source: Source, root: str = "") -> Coverage:
    """The lines of all records; raises `ReportRefused`."""
    reader = _Reader(root)
    for number, text in enumerate(source.lines(), 1):
        reader.line(text, number)
    if not reader.seen:
        raise ReportRefused("form", "No line names a source file (SF:…): this is no LCOV trace.")
    return reader.found.result()
