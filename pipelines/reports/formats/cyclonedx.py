"""CycloneDX bills of materials (ECMA-424), JSON or XML: components, and known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import IO, Any

from pipelines.reports.formats import xml
from pipelines.reports.formats.base import CHUNK, ReportRefused, Source
from pipelines.reports.formats.findings import Collector
from pipelines.reports.formats.jsons import load, rows, table, text
from pipelines.reports.formats.results import Findings, Severity

TOOL = "CycloneDX"
MAX_DEPTH = 30  # of components inside components
_SEVERITIES = {one.value: one for one in Severity}
# States of an analysis after which nothing is left to do.
_CLOSED = frozenset({"resolved", "resolved_with_pedigree", "false_positive", "not_affected"})


def _add(
    found: Collector,
    *,
    name: str,
    severities: Iterable[str],
    state: str,
    refs: list[str],
    text_: str,
) -> None:
    if state in _CLOSED:
        found.suppressed += 1
        return
    known = [_SEVERITIES[one] for one in severities if one in _SEVERITIES]
    order = list(Severity)
    worst = min(known, key=order.index, default=Severity.INFO)
    affected = ", ".join(refs[:3])
    found.add(
        tool=TOOL,
        rule=name or "unnamed vulnerability",
        severity=worst,
        message=f"{affected}: {text_}" if affected else text_,
        given=f"{name} {' '.join(sorted(refs[:50]))}",
    )


def _count(components: Any, depth: int = 0) -> int:
    if depth > MAX_DEPTH:
        raise ReportRefused("depth", f"Components are nested deeper than {MAX_DEPTH}.")
    return sum(1 + _count(table(one).get("components"), depth + 1) for one in rows(components))


def _json(source: Source) -> Findings:
    document = table(load(source))
    if document.get("bomFormat") != "CycloneDX":
        raise ReportRefused("form", "“bomFormat” is not “CycloneDX”.")
    found = Collector()
    found.components = _count(document.get("components"))
    for told in rows(document.get("vulnerabilities")):
        one = table(told)
        _add(
            found,
            name=text(one.get("id")),
            severities=(text(table(r).get("severity")).lower() for r in rows(one.get("ratings"))),
            state=text(table(one.get("analysis")).get("state")),
            refs=[text(table(r).get("ref")) for r in rows(one.get("affects"))],
            text_=text(one.get("description")),
        )
    return found.result()


class _Reader:
    roots = frozenset({"bom"})
    texts = frozenset({"id", "severity", "state", "ref", "description"})

    def __init__(self) -> None:
        self.found = Collector()
        self.path: list[str] = []
        self.told: dict[str, list[str]] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "component" and self.path[-1:] == ["components"]:
            self.found.components += 1
        elif tag == "vulnerability":
            self.told = {}
        self.path.append(tag)

    def end(self, tag: str, text: str) -> None:
        self.path.pop()
        if "vulnerability" in self.path and tag in self.texts:
            self._told(tag, text.strip())
        elif tag == "vulnerability":
            self._done()

    def _told(self, tag: str, text: str) -> None:
        own = self.path[-1] == "vulnerability"
        if own or tag in {"severity", "state", "ref"}:
            self.told.setdefault(tag, []).append(text)

    def _done(self) -> None:
        first = {name: texts[0] for name, texts in self.told.items()}
        _add(
            self.found,
            name=first.get("id", ""),
            severities=[one.lower() for one in self.told.get("severity", [])],
            state=first.get("state", ""),
            refs=self.told.get("ref", []),
            text_=first.get("description", ""),
        )


class _Begun:
    """A stream of which the first bytes were looked at."""

    def __init__(self, first: bytes, stream: Iterable[bytes]) -> None:
        self._first = first
        self._rest = iter(stream)

    def read(self, _size: int = CHUNK) -> bytes:
        first, self._first = self._first, b""
        return first or next(self._rest, b"")


def read(source: Source) -> Findings:
    """Components counted, vulnerabilities that are open as findings; raises `ReportRefused`."""
    chunks = source.chunks()
    first = next(chunks, b"")
    begun: IO[bytes] = _Begun(first, chunks)  # type: ignore[assignment]  # `read` is all that is called
    if not first.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _json(Source(begun))
    reader = _Reader()
    xml.read(Source(begun), reader)
    return reader.found.result()
