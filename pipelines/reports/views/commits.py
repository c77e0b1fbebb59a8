"""A commit beside its target branch, and coverage over time."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from idp.common.host import Page
from pipelines.permissions import VIEW
from pipelines.reports import selectors, trends, words
from pipelines.reports.drawing import line
from pipelines.reports.facts import Comparison
from pipelines.reports.trends import Trend
from rbac.access import held_anywhere, visible
from rbac.models import Project
from rbac.views.mixins import AccessMixin

MAX_FILES = 50


class CommitPage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest, name: str, commit: str) -> HttpResponse:
        project = selectors.project(self.actor, name)
        found = selectors.comparison(self.actor, project, commit)
        last = found.reports[-1]
        uncovered = found.facts.changed.uncovered if found.facts.changed else {}
        context = {
            "page": Page(
                f"Commit {commit[:8]}",
                [("Tests", reverse("pipelines:tests"))],
                api=f"/api/v1/projects/{name}/commits/{commit}/",
                owner=project.team.name,
                permission=VIEW,
                nav="pipelines:tests",
            ),
            "project": project,
            "commit": commit,
            "last": last,
            "found": found,
            "verdict": verdict(found),
            "uncovered": [
                {"path": path, "lines": ranges(lines)}
                for path, lines in list(uncovered.items())[:MAX_FILES]
            ],
        }
        return render(request, "pipelines/reports/commit.html", context)


def verdict(found: Comparison) -> dict[str, str]:
    """The page's first sentence, with its tone."""
    tests = found.facts.tests
    if tests is None:
        return {"tone": "idle", "text": "No tests were reported of this commit."}
    if tests.new_failures:
        text = _count(tests.new_failures, "test fails", "tests fail")
        return {"tone": "bad", "text": f"{text} that did not fail on {found.reports[-1].target}."}
    if tests.failed:
        text = _count(tests.failed, "test fails, and fails", "tests fail, and fail")
        return {"tone": "warn", "text": f"{text} on {found.reports[-1].target} too."}
    return {"tone": "ok", "text": f"All {tests.passed} tests that ran pass."}


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def ranges(numbers: list[int]) -> str:
    """`3, 7–9` of sorted line numbers."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}–{p[-1]}" for p in parts[:30])


class CoveragePage(AccessMixin):
    permission = VIEW

    def get(self, request: HttpRequest) -> HttpResponse:
        found = trends.trends(self.actor)
        project = visible(self.actor, VIEW, Project.objects.order_by("name")).first()
        name = project.name if project else "PROJECT"
        context = {
            "page": Page("Coverage", api=f"/api/v1/projects/{name}/coverage/", permission=VIEW),
            "rows": [shown(one) for one in found],
            "allowed": bool(found) or held_anywhere(self.actor, VIEW),
            "curl": words.curl(request.build_absolute_uri("/"), name),
        }
        return render(request, "pipelines/reports/coverage.html", context)


def shown(trend: Trend) -> dict[str, Any]:
    newest = trend.points[-1]
    return {
        "trend": trend,
        "newest": newest,
        "url": reverse("pipelines:commit", args=[trend.project.name, newest.commit]),
        "line": line([point.percent for point in trend.points]),
        "owner": trend.component.owner if trend.component else trend.project.team,
    }
