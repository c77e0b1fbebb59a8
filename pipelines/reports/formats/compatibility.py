"""What `slipway schemas check --json` prints: whether a set of schema versions may go somewhere."""

from __future__ import annotations

from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.formats.jsons import load, rows, table, text
from pipelines.reports.formats.results import Compatibility

MAX_SENTENCES = 200
MAX_TEXT = 1_000


def read(source: Source) -> Compatibility:
    """The answer; raises `ReportRefused`."""
    told = table(load(source))
    allowed = told.get("allowed")
    if not isinstance(allowed, bool) or not isinstance(told.get("matrix"), list):
        raise ReportRefused(
            "form",
            "There is no “allowed” and “matrix”: this is no answer of a schema check.",
            "Send what slipway --json schemas check prints.",
        )
    cells = [table(cell) for cell in rows(told["matrix"])]
    broken = [
        text(cell.get("sentence"))
        for cell in cells
        if cell.get("compatible") is False and not cell.get("agreed_by")
    ]
    return Compatibility(
        allowed=allowed,
        environment=text(told.get("environment"))[:MAX_TEXT],
        sentence=text(told.get("sentence"))[:MAX_TEXT],
        missing=_short(map(text, rows(told.get("missing")))),
        broken=_short(broken),
    )


def _short(texts: object) -> tuple[str, ...]:
    found = [one[:MAX_TEXT] for one in texts if one]  # type: ignore[attr-defined]  # an iterable of strings
    return tuple(found[:MAX_SENTENCES])
