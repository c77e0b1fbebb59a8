"""What cannot be had on this machine: skipped by name, summed up at the end, a failure in CI."""

import os
from typing import NoReturn

import pytest

MARK = "NOT PROVED HERE: "


def absent(what: str, how_to_get_it: str) -> NoReturn:
    """Skip the test because `what` is missing; with CI=true fail it."""
    message = f"{MARK}{what} is missing. {how_to_get_it}"
    if os.environ.get("CI", "").lower() in {"1", "true", "yes"}:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    missed: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if MARK in reason:
            missed.setdefault(reason.split(MARK, 1)[1], []).append(report.nodeid)
    if not missed:
        return
    total = sum(map(len, missed.values()))
    terminalreporter.section(f"{total} TESTS PROVED NOTHING ON THIS MACHINE", sep="!", red=True)
    for reason, tests in sorted(missed.items()):
        terminalreporter.line(reason, red=True, bold=True)
        for test in tests:
            terminalreporter.line(f"    {test}", red=True)
