"""`make conformance-promql`: our answers beside a real Prometheus' on the same samples.

Relative error 1e-9, NaN equals NaN, and every deviation is a failure. Ends with the line
`N passed, M failed`.
"""

from __future__ import annotations

import math
import struct
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cramjam
import httpx

from deploy.supervisor import Supervisor
from deploy.testbed import prometheus
from monitoring.promql import engine
from monitoring.promql.errors import QueryError
from monitoring.promql.memory import Memory
from monitoring.promql.reading import read
from monitoring.promql.values import Labels, Series
from tests.monitoring.promql import data
from tests.monitoring.promql.queries import queries

ERROR = 1e-9
MOMENTS = (data.START + 2_345_678, data.START + 5_432_100)
RANGE = (data.START + 60_500, data.END - 100_000, 37_000)
LIMIT = 30.0
Points = dict[Labels, list[tuple[float, float]]]


@dataclass(frozen=True)
class Case:
    """One query, at a moment or over the range."""

    query: str
    moment: int | None

    def __str__(self) -> str:
        when = "range" if self.moment is None else f"at +{(self.moment - data.START) / 1000:.0f} s"
        return f"{self.query}   ({when})"


def cases() -> list[Case]:
    return [Case(query, when) for query in queries() for when in (*MOMENTS, None)]


# -- theirs ----------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _encoded(one: Series) -> bytes:
    """A `prometheus.TimeSeries`: labels in field 1, samples in field 2."""
    labels = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in one.labels
    )
    samples = b"".join(
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(int(time)))
        for time, value in zip(one.times, one.values, strict=True)
    )
    return labels + samples


def fill(url: str, series: Sequence[Series]) -> None:
    """Write the series by remote write 1.0."""
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    for one in series:
        body = bytes(cramjam.snappy.compress_raw(_field(1, _encoded(one))))
        answer = httpx.post(f"{url}/api/v1/write", content=body, headers=headers, timeout=LIMIT)
        answer.raise_for_status()


def _asked(url: str, case: Case) -> dict[str, Any]:
    form: dict[str, Any] = {"query": case.query}
    if case.moment is None:
        path = "query_range"
        form |= dict(zip(("start", "end", "step"), (part / 1000 for part in RANGE), strict=True))
    else:
        path = "query"
        form["time"] = case.moment / 1000
    answer = httpx.post(f"{url}/api/v1/{path}", data=form, timeout=LIMIT)
    found: dict[str, Any] = answer.json()
    return found


def theirs(url: str, case: Case) -> tuple[str, Points]:
    """The kind of their answer (“error” for one) and its points."""
    answer = _asked(url, case)
    if answer["status"] != "success":
        return "error", {}
    kind, result = answer["data"]["resultType"], answer["data"]["result"]
    if kind in {"scalar", "string"}:
        return kind, {(): [(float(result[0]), float(result[1]))]}
    points = {}
    for one in result:
        labels = tuple(sorted(one["metric"].items()))
        pairs = one["values"] if kind == "matrix" else [one["value"]]
        points[labels] = [(float(time), float(value)) for time, value in pairs]
    return kind, points


# -- ours ------------------------------------------------------------------------------------------


def ours(store: Memory, case: Case) -> tuple[str, Points]:
    """The same of our engine."""
    try:
        node = read(case.query)
        if case.moment is None:
            answer = engine.query_range(store, node, engine.Moments(*RANGE))
        else:
            answer = engine.query(store, node, case.moment)
    except QueryError:
        return "error", {}
    return answer.kind, {
        one.labels: list(zip((one.times / 1000).tolist(), one.values.tolist(), strict=True))
        for one in answer.series
    }


def _same(a: float, b: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= ERROR * max(abs(a), abs(b))


def deviation(mine: tuple[str, Points], other: tuple[str, Points]) -> str:
    """What is different, in words; empty for nothing."""
    if mine[0] != other[0]:
        return f"kind {mine[0]}, not {other[0]}"
    if mine[1].keys() != other[1].keys():
        more, less = mine[1].keys() - other[1].keys(), other[1].keys() - mine[1].keys()
        return f"series too many {sorted(more)[:2]}, missing {sorted(less)[:2]}"
    for labels, points in other[1].items():
        own = mine[1][labels]
        if [time for time, _ in own] != [time for time, _ in points]:
            return f"{dict(labels)}: {len(own)} points, not {len(points)}, or others"
        for (time, a), (_, b) in zip(own, points, strict=True):
            if not _same(a, b):
                return f"{dict(labels)} at {time}: {a!r}, not {b!r}"
    return ""


def misses(url: str) -> Iterator[tuple[Case, str]]:
    """Each case, with what is wrong."""
    series = data.series()
    fill(url, series)
    store = Memory(series)
    for case in cases():
        yield case, deviation(ours(store, case), theirs(url, case))


def main() -> int:
    prometheus.build()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch, Supervisor(Path(scratch)) as supervisor:
        for case, wrong in misses(prometheus.start(supervisor).url):
            passed += not wrong
            failed += bool(wrong)
            if wrong:
                sys.stdout.write(f"FAILED {case}: {wrong}\n")
    sys.stdout.write(f"{passed} passed, {failed} failed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
