"""JaCoCo's XML (report.dtd 1.1): source files with their lines, by package."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.reports.formats import xml
from pipelines.reports.formats.base import Source, whole_number
from pipelines.reports.formats.lines import Collector
from pipelines.reports.formats.results import Coverage


class _Reader:
    roots = frozenset({"report"})
    texts: frozenset[str] = frozenset()

    def __init__(self, root: str) -> None:
        self.found = Collector(root)
        self.package = ""
        self.hits: dict[int, int] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "package":
            self.package = attributes.get("name", "")
        elif tag == "sourcefile":
            name = attributes.get("name", "")
            self.hits = self.found.file(f"{self.package}/{name}" if self.package else name)
        elif tag == "line":
            self._line(attributes)

    def _line(self, told: Mapping[str, str]) -> None:
        # Instructions missed and covered, branches missed and covered.
        missed, covered = whole_number(told.get("mb")), whole_number(told.get("cb"))
        self.found.line(self.hits, whole_number(told.get("nr")), whole_number(told.get("ci")))
        self.found.branches += missed + covered
        self.found.branches_covered += covered

    def end(self, tag: str, text: str) -> None:
        if tag == "sourcefile":
            self.hits = None


def read(source: Source, root: str = "") -> Coverage:
    """The lines of all source files; raises `ReportRefused`."""
    reader = _Reader(root)
    xml.read(source, reader)
    return reader.found.result()
