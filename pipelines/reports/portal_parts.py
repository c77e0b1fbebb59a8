"""What reports show in the shell: a component's tab, search, and the home page's panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q
from django.urls import reverse

from idp.common.host import Hit
from pipelines.reports import selectors, trends, words
from pipelines.reports.selectors import Filters
from pipelines.reports.views.commits import shown as shown_trend
from pipelines.reports.views.tests import shown
from portal.models import Component
from rbac.actors import Actor

MAX_ROWS = 6
MAX_TAB = 20


def alarm(actor: Actor) -> Mapping[str, Any] | None:
    """Tests that fail on their target branch or turned flaky; hidden while there are none."""
    failing = selectors.tests(actor, Filters(state="failing"))
    flaky = selectors.tests(actor, Filters(state="flaky", q=""))
    both = selectors.tests(actor, Filters()).filter(
        Q(pk__in=failing.values("pk")) | Q(pk__in=flaky.values("pk"))
    )
    rows = list(both.order_by(F("failing_since").asc(nulls_last=True), "-flaky_at")[: MAX_ROWS + 1])
    if not rows:
        return None
    count = len(rows) if len(rows) <= MAX_ROWS else both.count()
    red = sum(row.failing_since is not None for row in rows)
    words_ = "one test needs a look" if count == 1 else f"{count} tests need a look"
    return {
        "rows": [shown(row) for row in sorted(rows[:MAX_ROWS], key=_red_first)],
        "count": count,
        "headline": words_ if red else "",
        "link": ("All tests", reverse("pipelines:tests")),
    }


def _red_first(row: Any) -> tuple[bool, str]:
    return row.failing_since is None, row.name


def of_component(actor: Actor, component: Component) -> dict[str, Any]:
    """A component's tests that need a look, its slowest, and its coverage."""
    lists = []
    for state, title in (("failing", "Failing now"), ("flaky", "Flaky"), ("slow", "Slowest")):
        rows = selectors.tests(actor, Filters(state=state)).filter(component=component)
        found = [shown(row) for row in selectors.ordered(rows, state)[:MAX_TAB]]
        query = urlencode({"component": component.name, "state": state})
        lists.append(
            {"title": title, "rows": found, "url": f"{reverse('pipelines:tests')}?{query}"}
        )
    coverage = trends.trends(actor, component=component.name)
    return {
        "lists": [one for one in lists if one["rows"]],
        "coverage": [shown_trend(one) for one in coverage],
        "some": any(one["rows"] for one in lists) or bool(coverage),
    }


def find(actor: Actor, text: str, limit: int) -> list[Hit]:
    """Tests whose name, class or file has the text."""
    rows = selectors.tests(actor, Filters(q=text)).order_by("name", "pk")[:limit]
    return [
        Hit(
            title=str(row),
            url=reverse("pipelines:test", args=[row.pk]),
            detail=f"test of {row.component.name if row.component else row.project.name}",
            icon="test-pipe",
            status=words.outcome_of(row) if row.failing_since else "",
        )
        for row in rows
    ]
