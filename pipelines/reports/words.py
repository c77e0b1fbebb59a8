"""How pages say durations, outcomes and how to send the first report."""

from __future__ import annotations

from pipelines.reports.models import TestCase

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float | None) -> str:
    """`340 ms`, `2.1 s`, `3 min 5 s`, `1 h 2 min`; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def outcome_of(row: TestCase) -> str:
    """The word of the status vocabulary for a test on its target branch."""
    return {"error": "failed", "": "unknown"}.get(row.outcome, row.outcome)


def curl(address: str, project: str) -> str:
    """The lines that send a first report from any CI."""
    return (
        'curl --fail-with-body -H "Authorization: Bearer $SLIPWAY_TOKEN" \\\n'
        '  -F commit="$(git rev-parse HEAD)" -F ref="$(git branch --show-current)" \\\n'
        f"  -F file=@report.xml {address}api/v1/projects/{project}/reports/"
    )
