"""The demo data's reports: three weeks of tests and coverage of orders. Called by `idp.demo`."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from xml.sax.saxutils import quoteattr

from django.utils import timezone

from pipelines.reports import services
from pipelines.reports.models import Report, TestCase
from pipelines.reports.services import Upload
from rbac.actors import Actor
from rbac.models import Project

COMPONENT = "orders-api"
COMMITS = 12
_TESTS = (
    ("tests/test_cart.py", "TestCart", "test_adds_an_item", 0.012),
    ("tests/test_cart.py", "TestCart", "test_removes_the_last_item", 0.009),
    ("tests/test_prices.py", "TestTotal", "test_rounds_half_up", 0.031),
    ("tests/test_prices.py", "TestTotal", "test_takes_the_vouchers_currency", 0.044),
    ("tests/test_checkout.py", "TestCheckout", "test_reserves_stock", 1.9),
    ("tests/test_checkout.py", "TestCheckout", "test_waits_for_the_payment", 4.2),
    ("tests/test_exports.py", "TestExports", "test_writes_a_million_orders", 38.5),
)
_RACE = "test_waits_for_the_payment"
_BROKEN = "test_takes_the_vouchers_currency"
_NEW = "test_rounds_half_up"
_LATE = "TimeoutError: the payment was not seen within 5 s"
_WRONG = "AssertionError: assert 'USD' == 'EUR'"


@dataclass(frozen=True)
class Commit:
    """A commit, its branch, and which tests fail at it."""

    sha: str
    ref: str = "main"
    red: frozenset[str] = frozenset()


def make(actor: Actor, project: Project) -> None:
    """Main for some weeks with a flaky and a broken test, then a branch that breaks another."""
    for number in range(COMMITS):
        for report in _on_main(actor, project, number):
            _dated(report, days=2 * (COMMITS - number))
    branch = Commit(_sha(COMMITS), "round-prices", frozenset({_BROKEN, _NEW}))
    _send(actor, project, branch, _junit(branch, COMMITS))
    _send(actor, project, branch, _lcov(COMMITS))
    _send(actor, project, branch, _DIFF)
    _send(actor, project, branch, _sarif("py/weak-hash", "py/sql-injection"))
    tests, now = TestCase.objects.filter(project=project), timezone.now()
    tests.update(first_seen=now - timedelta(days=2 * COMMITS))
    tests.exclude(flaky_at=None).update(flaky_at=now - timedelta(days=6))
    tests.exclude(failing_since=None).update(failing_since=now - timedelta(days=4))


def _on_main(actor: Actor, project: Project, number: int) -> Iterator[Report]:
    broken = frozenset({_BROKEN}) if number >= COMMITS - 2 else frozenset()
    commit = Commit(_sha(number), red=broken)
    if number % 4 == 1:  # the race is lost, and won by the retry
        yield _send(actor, project, commit, _junit(Commit(commit.sha, red=broken | {_RACE}), 0))
    yield _send(actor, project, commit, _junit(commit, number))
    yield _send(actor, project, commit, _lcov(number))
    yield _send(actor, project, commit, _sarif("py/weak-hash"))


def _sha(number: int) -> str:
    return hashlib.sha1(f"demo {number}".encode(), usedforsecurity=False).hexdigest()


def _send(actor: Actor, project: Project, commit: Commit, text: str) -> Report:
    upload = Upload(commit.sha, commit.ref, component=COMPONENT, target="main", job="CI")
    row, _ = services.take(actor, project, upload, io.BytesIO(text.encode()))
    return row


def _dated(report: Report, days: int) -> None:
    Report.objects.filter(pk=report.pk).update(created_at=timezone.now() - timedelta(days=days))


def _junit(commit: Commit, number: int) -> str:
    rows = (
        f'<testcase classname="{group}" name="{name}" file="{file}" '
        f'time="{seconds * (1 + number % 5 / 20):.4f}">{_failure(name, commit)}</testcase>'
        for file, group, name, seconds in _TESTS
    )
    return f'<testsuite name="orders" timestamp="{number}">{"".join(rows)}</testsuite>'


def _failure(name: str, commit: Commit) -> str:
    if name not in commit.red:
        return ""
    said = quoteattr({_RACE: _LATE, _BROKEN: _WRONG}.get(name, "AssertionError: assert 10 == 11"))
    return f"<failure message={said}>&gt; assert it\nE {said[1:-1]}</failure>"


def _lcov(number: int) -> str:
    """Coverage that grows with the commits."""
    lines = (f"DA:{line},{int(line <= 60 + 2 * number)}" for line in range(1, 101))
    return "\n".join(("SF:src/prices.py", *lines, "end_of_record", ""))


def _sarif(*rules: str) -> str:
    results = [
        {
            "ruleId": rule,
            "level": "error" if "injection" in rule else "warning",
            "message": {"text": f"{rule.removeprefix('py/')} in the price export"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "src/prices.py"},
                        "region": {"startLine": 12},
                    }
                }
            ],
        }
        for rule in rules
    ]
    run = {"tool": {"driver": {"name": "scanner"}}, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]})


_DIFF = """\
--- a/src/prices.py
+++ b/src/prices.py
@@ -79,2 +79,8 @@ def rounded(price):
 context
+    cents = price * 100
+    whole = int(cents)
+    rest = cents - whole
+    if rest >= 0.5:
+        whole += 1
+    return whole / 100
 context
"""
