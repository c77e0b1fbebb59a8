"""Collecting findings within bounds, each with a fingerprint that outlives moved lines."""

from __future__ import annotations

import hashlib
import re
from collections import Counter

from pipelines.reports.formats.results import MAX_FINDINGS, Finding, Findings, Severity

_NUMBERS = re.compile(r"\d+")
MAX_RULE = 200
MAX_TEXT = 500


class Collector:
    """Findings by fingerprint; the worst are kept where there are too many."""

    def __init__(self) -> None:
        self.by_severity: dict[Severity, list[Finding]] = {one: [] for one in Severity}
        self.tools: set[str] = set()
        self.counts = dict.fromkeys(Severity, 0)
        self.total = self.suppressed = self.components = 0
        self._same: Counter[str] = Counter()
        self._seen: set[str] = set()

    def add(
        self,
        *,
        tool: str,
        rule: str,
        severity: Severity,
        message: str,
        path: str = "",
        line: int = 0,
        given: str = "",
    ) -> None:
        """`given`: the tool's own fingerprint; told twice, it is one finding."""
        tool, rule = tool[:MAX_RULE].replace("\0", ""), rule[:MAX_RULE].replace("\0", "")
        fingerprint = self._fingerprint(tool, rule, path, message, given)
        if fingerprint in self._seen:
            return
        self._seen.add(fingerprint)
        self.tools.add(tool)
        self.total += 1
        self.counts[severity] += 1
        kept = self.by_severity[severity]
        if len(kept) < MAX_FINDINGS:
            text = message[:MAX_TEXT].replace("\0", "")
            kept.append(Finding(fingerprint, tool, rule, severity, text, path, line))

    def _fingerprint(self, tool: str, rule: str, path: str, message: str, given: str) -> str:
        if given:
            return _digest(tool, rule, given)
        # Without numbers: a message that names its line is the same one line further down.
        own = _digest(tool, rule, path, _NUMBERS.sub("#", message))
        self._same[own] += 1
        return _digest(own, str(self._same[own]))

    def result(self) -> Findings:
        worst_first = [one for severity in Severity for one in self.by_severity[severity]]
        kept = tuple(worst_first[:MAX_FINDINGS])
        return Findings(
            findings=kept,
            total=self.total,
            by_severity=self.counts,
            tools=tuple(sorted(self.tools))[:20],
            suppressed=self.suppressed,
            components=self.components,
            left_out=self.total - len(kept),
        )


def _digest(*parts: str) -> str:
    joined = "\0".join(parts).encode("utf-8", "replace")
    return hashlib.sha256(joined).hexdigest()[:40]
