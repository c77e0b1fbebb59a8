"""SARIF 2.1.0 (OASIS): results that fail, with their rule's level and security severity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.reports.formats.base import ReportRefused, Source, whole_number
from pipelines.reports.formats.findings import Collector
from pipelines.reports.formats.jsons import load, rows, table, text
from pipelines.reports.formats.paths import relative
from pipelines.reports.formats.results import Findings, Severity

# §3.27.10; where a rule has a security severity (a CVSS score), that says it finer.
_LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.LOW,
    "none": Severity.INFO,
}
_SCORES = (
    (9.0, Severity.CRITICAL),
    (7.0, Severity.HIGH),
    (4.0, Severity.MEDIUM),
    (0.1, Severity.LOW),
)
MAX_RUNS = 100


class _Run:
    """One run: its tool, and its rules by id and by place."""

    def __init__(self, run: Mapping[str, Any], root: str) -> None:
        driver = table(table(run.get("tool")).get("driver"))
        self.root = root
        self.tool = text(driver.get("name")) or "unnamed tool"
        self.rules = [table(rule) for rule in rows(driver.get("rules"))]
        self.by_id = {text(rule.get("id")): rule for rule in self.rules}

    def rule_of(self, result: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        own = table(result.get("rule"))
        name = text(result.get("ruleId")) or text(own.get("id"))
        index = result.get("ruleIndex", own.get("index"))
        known = isinstance(index, int) and 0 <= index < len(self.rules)
        rule = self.by_id.get(name) or (self.rules[index] if known else {})
        return name or text(rule.get("id")) or "unnamed rule", rule

    def add(self, result: Mapping[str, Any], found: Collector) -> None:
        if result.get("baselineState") == "absent" or result.get("kind", "fail") != "fail":
            return
        states = [table(one).get("status", "accepted") for one in rows(result.get("suppressions"))]
        if "accepted" in states:
            found.suppressed += 1
            return
        name, rule = self.rule_of(result)
        path, line = self._place(result)
        found.add(
            tool=self.tool,
            rule=name,
            severity=_severity(result, rule),
            message=_message(table(result.get("message")), rule),
            path=path,
            line=line,
            given=_given(result, path),
        )

    def _place(self, result: Mapping[str, Any]) -> tuple[str, int]:
        first = table(next(iter(rows(result.get("locations"))), None))
        place = table(first.get("physicalLocation"))
        uri = text(table(place.get("artifactLocation")).get("uri"))
        line = whole_number(table(place.get("region")).get("startLine"))
        return relative(uri, self.root) if uri else "", line


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    for holder in (result, rule):
        score = _score(table(holder.get("properties")).get("security-severity"))
        if score is not None:
            return next((one for least, one in _SCORES if score >= least), Severity.INFO)
    default = text(table(rule.get("defaultConfiguration")).get("level"))
    return _LEVELS.get(text(result.get("level")) or default, Severity.MEDIUM)


def _score(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _message(message: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    own = text(message.get("text")) or text(message.get("markdown"))
    if own:
        return own
    strings = table(rule.get("messageStrings"))
    shared = text(table(strings.get(text(message.get("id")))).get("text"))
    return shared or text(table(rule.get("shortDescription")).get("text"))


def _given(result: Mapping[str, Any], path: str) -> str:
    """The tool's fingerprint (§3.27.16), else its partial one beside the file."""
    for name in ("fingerprints", "partialFingerprints"):
        prints = table(result.get(name))
        parts = [f"{key}={value}" for key, value in sorted(prints.items()) if text(value)]
        if parts:
            return "&".join([path, *parts] if name == "partialFingerprints" else parts)[:2000]
    return ""


def read(source: Source, root: str = "") -> Findings:
    """The results of all runs; raises `ReportRefused`."""
    document = table(load(source))
    runs = document.get("runs")
    if not isinstance(runs, list):
        raise ReportRefused("form", "There is no “runs”: this is no SARIF log.")
    if text(document.get("version")) != "2.1.0":
        raise ReportRefused("version", "The SARIF log is not of version 2.1.0.")
    if len(runs) > MAX_RUNS:
        raise ReportRefused("runs", f"A SARIF log has at most {MAX_RUNS} runs.")
    found = Collector()
    for told in runs:
        run = _Run(table(told), root)
        for result in rows(table(told).get("results")):
            run.add(table(result), found)
    return found.result()
