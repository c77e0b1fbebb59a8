"""Every permission of pipelines and of what they report, on one screen.

Reading is asked for at the project. Whoever develops in the project's development tier runs its
pipelines and hands in reports, so `pipeline.run` and `report.upload` are asked for there
(`portal.permissions.keeper_scope`); managing and quarantines are asked for at the project itself.
Whoever runs pipelines makes schedules of them; their owner and whoever manages change them.
"""

from rbac.permissions import Permission, register_permissions

VIEW = "pipeline.view"
RUN = "pipeline.run"
MANAGE = "pipeline.manage"
UPLOAD = "report.upload"
QUARANTINE = "test.quarantine"

PERMISSIONS = (
    Permission(VIEW, "See pipelines, their logs, reports and tests", ("viewer",)),
    Permission(RUN, "Start, retry and cancel pipelines", ("developer", "deployer")),
    Permission(MANAGE, "Change how a project's pipelines run", ("maintainer",)),
    Permission(UPLOAD, "Hand in reports of a commit", ("developer", "deployer"), view=VIEW),
    Permission(QUARANTINE, "Quarantine tests, and end quarantines", ("qa",), view=VIEW),
)
register_permissions("pipelines", PERMISSIONS)
