"""Cobertura's XML (coverage-04.dtd), as coverage.py, gcovr, PHPUnit and Istanbul write it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipelines.reports.formats import xml
from pipelines.reports.formats.base import Source, whole_number
from pipelines.reports.formats.lines import Collector
from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import Coverage

_CONDITIONS = re.compile(r"\((\d{1,9})/(\d{1,9})\)")


class _Reader:
    roots = frozenset({"coverage"})
    texts = frozenset({"source"})

    def __init__(self, root: str) -> None:
        self.root = root
        self.found = Collector(root)
        self.hits: dict[int, int] | None = None
        self.sources: list[str] = []
        self.branched: set[int] = set()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "class":
            self.hits = self.found.file(self._place(attributes.get("filename", "")))
        elif tag == "line":
            number = whole_number(attributes.get("number"))
            self.found.line(self.hits, number, whole_number(attributes.get("hits")))
            self._branches(number, attributes)

    def end(self, tag: str, text: str) -> None:
        if tag == "source" and text.strip():
            self.sources.append(text.strip())
        elif tag == "class":
            self.hits = None
            self.branched.clear()

    def _branches(self, number: int, attributes: Mapping[str, str]) -> None:
        found = _CONDITIONS.search(attributes.get("condition-coverage", "")[:100])
        if found is None or number in self.branched:
            return
        self.branched.add(number)
        self.found.branches += int(found[2])
        self.found.branches_covered += min(int(found[1]), int(found[2]))

    def _place(self, name: str) -> str:
        """Under its source folder where there is one, and it lies inside the repository."""
        if name.startswith("/") or len(self.sources) != 1:
            return name
        source = self.sources[0]
        inside = relative(source.rstrip("/") + "/", self.root)
        outside = source.startswith("/") and inside == source.strip("/")
        return name if outside or not inside else f"{inside}/{name}"


def read(source: Source, root: str = "") -> Coverage:
    """The lines of all classes by file; raises `ReportRefused`."""
    reader = _Reader(root)
    xml.read(source, reader)
    return reader.found.result()
