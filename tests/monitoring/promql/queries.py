"""The queries of `make conformance-promql`: at least five for each function and operator."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

_RANGED = (
    "http_requests_total{code='200'}[5m]", "temperature[3m]", "gappy[10m]", "odd[4m]",
    "steady_total[90s] offset 7m", "whole[2m:20s]", "slow_total[20m]",
)  # fmt: skip
_WINDOWS = (
    "rate", "irate", "increase", "delta", "idelta", "deriv", "resets", "changes", "sum_over_time",
    "avg_over_time", "min_over_time", "max_over_time", "count_over_time", "stddev_over_time",
    "stdvar_over_time", "last_over_time", "present_over_time", "absent_over_time",
)  # fmt: skip
_INSTANTS = ("temperature", "odd", "whole", "gappy", "rate(http_requests_total[5m])")
_MATHS = ("abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn", "sort", "sort_desc")
_DATES = (
    "minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month",
    "year",
)  # fmt: skip
_MOMENTS = ("", "moment_seconds", "vector(0)", "moment_seconds / 7", "vector(1e9)")
_PLAIN = ("sum", "min", "max", "avg", "count", "group", "stddev", "stdvar")
_GROUPS = ("", " by (job)", " without (instance)", " by (nothing)", " by (job, instance)")
_OPERATORS = ("+", "-", "*", "/", "%", "^")
_COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")


def queries() -> list[str]:
    """Each query once, in the order of the list."""
    return list(dict.fromkeys(_all()))


def _all() -> Iterator[str]:
    yield from (f"{function}({window})" for function, window in product(_WINDOWS, _RANGED))
    yield from (f"{function}({vector})" for function, vector in product(_MATHS, _INSTANTS))
    yield from (f"{function}({vector})" for function, vector in product(_DATES, _MOMENTS))
    for operation in _PLAIN:
        for group in _GROUPS:
            yield f"{operation}{group} (temperature)"
        yield f"{operation} (odd)"
        yield f"{operation} by (kind) (gappy)"
    for operation in _OPERATORS:
        yield f"temperature {operation} 3"
        yield f"2 {operation} temperature"
        yield f"memory_bytes {operation} limit_bytes"
        yield f"odd {operation} odd"
        yield f"whole {operation} ignoring(kind) group_left() vector(2)"
        yield f"7 {operation} -2.5"
    for operation in _COMPARISONS:
        yield f"temperature {operation} 20"
        yield f"20 {operation} temperature"
        yield f"memory_bytes {operation} bool limit_bytes"
        yield f"memory_bytes {operation} on(instance) limit_bytes"
        yield f"odd {operation} bool 7"
        yield f"whole {operation} 1"
        yield f"1 {operation} bool 2"
    yield from (Path(__file__).parent / "queries.txt").read_text().splitlines()
