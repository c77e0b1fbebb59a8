"""Short ways to reports of project `orders`."""

from __future__ import annotations

import io
import json
from typing import Any

from pipelines.reports import services
from pipelines.reports.models import Report
from pipelines.reports.services import Upload
from rbac.actors import Actor
from rbac.models import Project

MAIN = "a" * 40
BRANCH = "b" * 40
NEXT = "c" * 40
_INSIDE = {
    "failed": "<failure message='no'>trace</failure>",
    "error": "<error message='broke'/>",
    "skipped": "<skipped/>",
    "flaky": "<flakyFailure message='at first'/>",
}


def junit(*, file: str = "", seconds: float = 1.0, **outcomes: str) -> str:
    """A report in which each test went as it is told: `passed`, `failed`, `flaky`, …"""
    rows = "".join(
        f"<testcase classname='Cart' name='{name}' file='{file}' time='{seconds}'>"
        f"{_INSIDE.get(outcome, '')}</testcase>"
        for name, outcome in outcomes.items()
    )
    return f"<testsuite name='unit'>{rows}</testsuite>"


def lcov(path: str, **hits: int) -> str:
    """`lcov("a.py", l1=1, l2=0)`."""
    lines = "".join(f"DA:{name[1:]},{count}\n" for name, count in hits.items())
    return f"SF:{path}\n{lines}end_of_record\n"


def sarif(*rules: str, level: str = "error") -> str:
    results = [
        {"ruleId": rule, "level": level, "message": {"text": rule}, "fingerprints": {"a": rule}}
        for rule in rules
    ]
    runs = [{"tool": {"driver": {"name": "scanner"}}, "results": results}]
    return json.dumps({"version": "2.1.0", "runs": runs})


def diff(path: str, first: int, count: int) -> str:
    added = "".join(f"+line {number}\n" for number in range(count))
    return f"--- a/{path}\n+++ b/{path}\n@@ -{first - 1},0 +{first},{count} @@\n{added}"


def upload(
    actor: Actor, project: Project, text: str, commit: str = MAIN, ref: str = "main", **more: Any
) -> Report:
    row, _ = services.take(
        actor, project, Upload(commit=commit, ref=ref, **more), io.BytesIO(text.encode())
    )
    return row
