"""OpenMetrics text (1.0, "Text format"): samples by name and labels; types and help are skipped."""

from __future__ import annotations

import re

from pipelines.reports.formats.base import ReportRefused, Source
from pipelines.reports.formats.results import MAX_SAMPLES, Metrics

MAX_LINES = 200_000
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"'
_SAMPLE = re.compile(
    rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{((?:{_LABEL})?(?:,{_LABEL})*,?)\}})?[ \t]+(\S+)"
    r"(?:[ \t]+-?[0-9.e+]+)?(?:[ \t]*#.*)?"
)
MAX_KEY = 300


def read(source: Source) -> Metrics:
    """The samples in order; raises `ReportRefused`."""
    samples: dict[str, float] = {}
    left_out = 0
    for number, line in enumerate(source.lines(longest=4_000), 1):
        if number > MAX_LINES:
            raise ReportRefused("lines", f"A metrics report has at most {MAX_LINES:,} lines.")
        if line.strip() == "# EOF":
            break
        if not line.strip() or line.startswith("#"):
            continue
        name, value = _sample(line.strip(), number)
        if name in samples:
            raise ReportRefused("twice", f"Line {number}: {name[:100]} stands there twice.")
        if len(samples) < MAX_SAMPLES:
            samples[name] = value
        else:
            left_out += 1
    return Metrics(samples, left_out)


def _sample(line: str, number: int) -> tuple[str, float]:
    found = _SAMPLE.fullmatch(line)
    value = _value(found[3]) if found else None
    if found is None or value is None:
        raise ReportRefused(
            "form", f"Line {number} is no sample.", 'Write name{label="value"} 12.5, one a line.'
        )
    key = f"{found[1]}{{{found[2].rstrip(',')}}}" if found[2] else found[1]
    if len(key) > MAX_KEY:
        raise ReportRefused("name", f"Line {number}: name and labels have over {MAX_KEY} letters.")
    return key, value


def _value(text: str) -> float | None:
    """A finite number: a NaN or an infinity says nothing that can be compared."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value - value == 0 else None
