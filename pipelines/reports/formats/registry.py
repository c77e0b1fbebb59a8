"""Which reader reads what: chosen by the name that the uploader gives, or by the first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import IO

from pipelines.reports.formats import (
    cobertura,
    codequality,
    compatibility,
    cyclonedx,
    diff,
    dotenv,
    jacoco,
    junit,
    lcov,
    metrics,
    sarif,
)
from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.formats.results import Result


class Kind(StrEnum):
    JUNIT = "junit"
    COBERTURA = "cobertura"
    LCOV = "lcov"
    JACOCO = "jacoco"
    SARIF = "sarif"
    CODEQUALITY = "codequality"
    CYCLONEDX = "cyclonedx"
    DOTENV = "dotenv"
    METRICS = "metrics"
    COMPATIBILITY = "compatibility"
    DIFF = "diff"


COVERAGE = frozenset({Kind.COBERTURA, Kind.LCOV, Kind.JACOCO})
FINDINGS = frozenset({Kind.SARIF, Kind.CODEQUALITY, Kind.CYCLONEDX})
TITLES: dict[Kind, str] = {
    Kind.JUNIT: "JUnit",
    Kind.COBERTURA: "Cobertura",
    Kind.LCOV: "LCOV",
    Kind.JACOCO: "JaCoCo",
    Kind.SARIF: "SARIF",
    Kind.CODEQUALITY: "Code quality",
    Kind.CYCLONEDX: "CycloneDX",
    Kind.DOTENV: "dotenv",
    Kind.METRICS: "Metrics",
    Kind.COMPATIBILITY: "Schema compatibility",
    Kind.DIFF: "Changed lines",
}
_READERS: dict[Kind, Callable[[Source, str], Result]] = {
    Kind.JUNIT: junit.read,
    Kind.COBERTURA: cobertura.read,
    Kind.LCOV: lcov.read,
    Kind.JACOCO: jacoco.read,
    Kind.SARIF: sarif.read,
    Kind.CODEQUALITY: codequality.read,
}
_PLACELESS: dict[Kind, Callable[[Source], Result]] = {
    Kind.CYCLONEDX: cyclonedx.read,
    Kind.DOTENV: dotenv.read,
    Kind.METRICS: metrics.read,
    Kind.COMPATIBILITY: compatibility.read,
    Kind.DIFF: diff.read,
}
_ROOTS = {
    "testsuites": Kind.JUNIT,
    "testsuite": Kind.JUNIT,
    "coverage": Kind.COBERTURA,
    "report": Kind.JACOCO,
    "bom": Kind.CYCLONEDX,
}
LOOKED_AT = 64 * 1024
_ROOT = re.compile(rb"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
# In a JSON document, a key that only this format has near its start.
_KEYS = (
    (re.compile(rb'"bomFormat"\s*:'), Kind.CYCLONEDX),
    (re.compile(rb'"matrix"\s*:|"ways_out"\s*:'), Kind.COMPATIBILITY),
    (re.compile(rb'"runs"\s*:|sarif', re.IGNORECASE), Kind.SARIF),
    (re.compile(rb"\A\s*\[\s*(?:\]|\{)"), Kind.CODEQUALITY),
)
_TEXTS = (
    (re.compile(rb"\A(?:TN:|SF:)", re.MULTILINE), Kind.LCOV),
    (re.compile(rb"^(?:diff --git |--- \S|\+\+\+ \S)", re.MULTILINE), Kind.DIFF),
    (re.compile(rb"^# (?:TYPE|HELP|UNIT|EOF)\b", re.MULTILINE), Kind.METRICS),
    (re.compile(rb"\A[A-Za-z_0-9]+="), Kind.DOTENV),
    (re.compile(rb"\A[a-zA-Z_:][\w:]*(?:\{[^\n]*\})?[ \t]+[-+0-9.]"), Kind.METRICS),
)


def sniffed(first: bytes) -> Kind:
    """The kind by a document's first bytes; raises `ReportRefused` for none."""
    start = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    found = None
    if start.startswith(b"<"):
        root = _ROOT.search(_COMMENT.sub(b"", start))
        found = _ROOTS.get(root[1].decode("ascii", "replace")) if root else None
    elif start[:1] in {b"{", b"["}:
        found = next((kind for form, kind in _KEYS if form.search(start)), None)
    else:
        found = next((kind for form, kind in _TEXTS if form.search(start)), None)
    if found is None:
        raise ReportRefused(
            "kind",
            "What kind of report this is cannot be told by its first bytes.",
            f"Say kind: {', '.join(Kind)}.",
        )
    return found


def read(kind: Kind, stream: IO[bytes], *, root: str = "") -> Result:
    """What the report says; `root` is the checkout's path on the machine that wrote it."""
    source = Source(stream)
    placed = _READERS.get(kind)
    return placed(source, root) if placed else _PLACELESS[kind](source)
