"""A part of `make conformance-promql` in the tests: every fifth case beside a real Prometheus."""

from __future__ import annotations

from monitoring.promql.memory import Memory
from tests.monitoring.promql import conformance, data

KNOWN = 5  # of all cases: docs/monitoring.md names them


def test_answers_are_those_of_prometheus(prometheus: str) -> None:
    series = data.series()
    conformance.fill(prometheus, series)
    store = Memory(series)
    wrong = [
        f"{case}: {found}"
        for case in conformance.cases()[::5]
        if (
            found := conformance.deviation(
                conformance.ours(store, case), conformance.theirs(prometheus, case)
            )
        )
    ]
    assert len(wrong) <= KNOWN, wrong


def test_there_are_enough_cases() -> None:
    assert len(conformance.cases()) >= 400
