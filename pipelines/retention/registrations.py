"""What the retention of pipelines hands to others: its page, and the sweep."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from pipelines.permissions import VIEW
from pipelines.retention import removing

host.commands.register(
    host.Command(
        "pipeline-retention",
        "How long pipelines are kept",
        url_name="pipelines:retention",
        permission=VIEW,
        icon="history",
        words="retention days old logs artifacts cleanup delete",
    )
)
controller.register_periodic("old pipelines", removing.EVERY_SECONDS, removing.sweep)
