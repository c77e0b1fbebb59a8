"""Code Climate's issues as GitLab's code quality report has them: one JSON array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.reports.formats.base import ReportRefused, Source, whole_number
from pipelines.reports.formats.findings import Collector
from pipelines.reports.formats.jsons import load, table, text
from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import Findings, Severity

_SEVERITIES = {
    "blocker": Severity.CRITICAL,
    "critical": Severity.HIGH,
    "major": Severity.MEDIUM,
    "minor": Severity.LOW,
    "info": Severity.INFO,
}


def _add(issue: Mapping[str, Any], root: str, found: Collector) -> None:
    if issue.get("type", "issue") not in {"issue", "Issue"}:
        return  # Code Climate's measurements
    place = table(issue.get("location"))
    path = text(place.get("path"))
    begin = table(place.get("positions")).get("begin")
    line = table(place.get("lines")).get("begin", table(begin).get("line"))
    found.add(
        tool=text(issue.get("engine_name")) or "code quality",
        rule=text(issue.get("check_name")) or "unnamed check",
        severity=_SEVERITIES.get(text(issue.get("severity")).lower(), Severity.MEDIUM),
        message=text(issue.get("description")),
        path=relative(path, root) if path else "",
        line=whole_number(line if not isinstance(line, dict) else line.get("line")),
        given=text(issue.get("fingerprint"))[:2000],
    )


def read(source: Source, root: str = "") -> Findings:
    """The issues; raises `ReportRefused`."""
    issues = load(source)
    if not isinstance(issues, list):
        raise ReportRefused("form", "A code quality report is one JSON array of issues.")
    found = Collector()
    for number, issue in enumerate(issues, 1):
        if not isinstance(issue, dict):
            raise ReportRefused("form", f"Issue {number} is no object.")
        _add(issue, root, found)
    return found.result()
