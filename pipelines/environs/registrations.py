"""What environments of jobs hand to others: their page, and the looks at what is due."""

from __future__ import annotations

from idp.changes import controller
from idp.common import host
from pipelines.environs.services import following, recording, stopping
from pipelines.permissions import VIEW
from pipelines.runs.services import ending

EVERY_SECONDS = 5.0
host.commands.register(
    host.Command(
        "job-environments",
        "Environments of jobs",
        url_name="pipelines:environments",
        permission=VIEW,
        icon="stack-2",
        words="on_stop auto_stop_in review stop deploy",
    )
)
ending.register(recording.ended)
controller.register_periodic("environments of jobs to stop", EVERY_SECONDS, stopping.stop_due)
controller.register_periodic("environments that jobs change", EVERY_SECONDS, following.follow)
