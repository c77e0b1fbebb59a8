"""What reports hand to the kernel; `pipelines.registrations` imports it when Django starts."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from pipelines.permissions import VIEW
from pipelines.reports import portal_parts, retention

controller.register_periodic("pipelines.reports", retention.EVERY_SECONDS, retention.sweep)
host.navigation.register(
    host.NavEntry("Deliver", "Tests", "pipelines:tests", "test-pipe", VIEW, order=34),
    host.NavEntry("Deliver", "Coverage", "pipelines:coverage", "chart-line", VIEW, order=36),
)
host.search.register(host.SearchProvider("Tests", portal_parts.find, order=70))
host.commands.register(
    host.Command(
        "tests",
        "Tests: failing, flaky, slow",
        url_name="pipelines:tests",
        permission=VIEW,
        icon="test-pipe",
        words="flaky quarantine junit",
    ),
    host.Command(
        "coverage",
        "Coverage",
        url_name="pipelines:coverage",
        permission=VIEW,
        icon="chart-line",
    ),
)
host.home.register(
    host.Panel(
        "tests-alarm",
        "Tests that need a look",
        25,
        "pipelines/reports/alarm.html",
        portal_parts.alarm,
        column="side",
        permission=VIEW,
    )
)
host.entity_tabs.register(
    host.Tab(
        "component",
        "tests",
        "Tests",
        "pipelines/reports/component_tab.html",
        portal_parts.of_component,
        permission=VIEW,
        order=45,
    )
)
