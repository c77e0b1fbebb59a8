"""What evidence hands to the kernel; `pipelines.registrations` imports it when Django starts."""

from __future__ import annotations

from idp.common import host
from pipelines.evidence import gate, of_changes, of_commits, of_reports, waking
from pipelines.evidence.services import MANAGE, VIEW
from pipelines.reports import arrivals
from pipelines.runs.services import telling

of_reports.register()
of_changes.register()
of_commits.register()
gate.register()
arrivals.register(waking.report_came)
telling.register(waking.pipeline_ended)
host.navigation.register(
    host.NavEntry("Deliver", "Gates", "pipelines:gates", "list-check", VIEW, order=38)
)
host.commands.register(
    host.Command(
        "gates",
        "Gates by evidence",
        url_name="pipelines:gates",
        permission=VIEW,
        icon="list-check",
        words="rules evidence tests coverage findings block",
    ),
    host.Command(
        "gate-new",
        "New rule for evidence…",
        url_name="pipelines:gate-new",
        permission=MANAGE,
        icon="plus",
        group="Do",
        order=70,
    ),
)
