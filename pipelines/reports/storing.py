"""What a report says, written in bulk inside the caller's transaction."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from pipelines.reports.casebook import record_cases
from pipelines.reports.formats.dotenv import Variables
from pipelines.reports.formats.lines import packed
from pipelines.reports.formats.results import (
    Cases,
    Changed,
    Compatibility,
    Coverage,
    Findings,
    Metrics,
    Result,
)
from pipelines.reports.models import CoverageFile, Report, ReportedFinding

BATCH = 1_000
MAX_PAYLOAD = 64 * 1024 * 1024  # bytes of a payload once it is unpacked


def summary_of(result: Result) -> dict[str, Any]:
    """The numbers of a report; what was counted and not kept is `left_out`."""
    if isinstance(result, Cases):
        return {
            "total": result.total,
            "passed": result.passed,
            "failed": result.failed + result.errors,
            "errors": result.errors,
            "skipped": result.skipped,
            "flaky": result.flaky,
            "seconds": result.seconds,
            "left_out": result.left_out,
        }
    if isinstance(result, Coverage):
        return {
            "lines": result.lines,
            "covered": result.covered,
            "percent": percent(result.covered, result.lines),
            "branches": result.branches,
            "branches_covered": result.branches_covered,
            "files": len(result.files),
            "left_out": result.left_out,
        }
    return _of_findings(result) if isinstance(result, Findings) else _of_others(result)


def _of_findings(result: Findings) -> dict[str, Any]:
    return {
        "total": result.total,
        "by_severity": {one.value: count for one, count in result.by_severity.items()},
        "tools": list(result.tools),
        "suppressed": result.suppressed,
        "components": result.components,
        "left_out": result.left_out,
    }


def _of_others(result: Result) -> dict[str, Any]:
    if isinstance(result, Variables):
        return {"names": sorted(result.values)}  # values may be secret: nobody needs them here
    if isinstance(result, Metrics):
        return {"total": len(result.samples) + result.left_out, "left_out": result.left_out}
    if isinstance(result, Compatibility):
        return {
            "allowed": result.allowed,
            "environment": result.environment,
            "sentence": result.sentence,
            "missing": list(result.missing),
            "broken": list(result.broken),
        }
    lines = result.lines if isinstance(result, Changed) else {}
    return {"files": len(lines), "lines": sum(map(len, lines.values()))}


def percent(part: int, whole: int) -> float | None:
    """Rounded down to a hundredth, so that 100 means all of it; None of nothing."""
    return part * 10_000 // whole / 100 if whole else None


def payload_of(result: Result) -> bytes:
    if isinstance(result, Changed):
        return _squeezed(result.lines)
    return _squeezed(result.samples) if isinstance(result, Metrics) else b""


def _squeezed(value: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(dict(value)).encode(), 6)


def unsqueezed(data: bytes) -> dict[str, Any]:
    """A payload's object; empty for none."""
    if not data:
        return {}
    found: dict[str, Any] = json.loads(zlib.decompressobj().decompress(bytes(data), MAX_PAYLOAD))
    return found


def store(report: Report, result: Result) -> None:
    """Write the rows of a saved report."""
    if isinstance(result, Cases):
        record_cases(report, result.cases)
    elif isinstance(result, Coverage):
        _store_coverage(report, result)
    elif isinstance(result, Findings):
        _store_findings(report, result)


def _store_coverage(report: Report, result: Coverage) -> None:
    rows = (
        CoverageFile(
            report=report,
            path=one.path,
            lines=len(one.hits),
            covered=one.covered,
            packed=packed(one.hits),
        )
        for one in result.files
    )
    CoverageFile.objects.bulk_create(rows, batch_size=BATCH)


def _store_findings(report: Report, result: Findings) -> None:
    rows = (
        ReportedFinding(
            report=report,
            fingerprint=one.fingerprint,
            tool=one.tool,
            rule=one.rule,
            severity=one.severity,
            path=one.path,
            line=one.line,
            message=one.message,
        )
        for one in result.findings
    )
    ReportedFinding.objects.bulk_create(rows, batch_size=BATCH)
