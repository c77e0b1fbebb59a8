"""What imports hand to lower apps; `schemas.registrations` imports it when Django starts."""

from __future__ import annotations

from idp.changes import controller, events
from idp.common import host
from schemas.permissions import CONFIGURE
from schemas.transfer import running, runs, tasks

__all__ = ["tasks"]  # Celery looks for tasks of an app only in `schemas.tasks`

controller.register_periodic("imports", runs.EVERY_SECONDS, runs.sweep)
events.register_list(running.TOPIC, CONFIGURE)
host.commands.register(
    host.Command(
        "import-schemas",
        "Import schemas…",
        url_name="schemas:import-new",
        permission=CONFIGURE,
        icon="upload",
        group="Do",
        order=45,
    )
)
