"""What agents hand to others: who may take a project's jobs, and the look at clusters."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from pipelines.fleet import pods, selectors
from pipelines.permissions import VIEW
from pipelines.runs import executors

executors.register(selectors.executors)
host.navigation.register(
    host.NavEntry("Deliver", "Agents", "pipelines:agents", "robot", VIEW, order=33)
)
host.commands.register(
    host.Command(
        "agents",
        "Agents",
        url_name="pipelines:agents",
        permission=VIEW,
        icon="robot",
        words="runner machine executor ci",
    ),
)
controller.register_periodic("pods of jobs", pods.EVERY_SECONDS, pods.look)
