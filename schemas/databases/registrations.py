"""What databases hand to lower apps; `schemas.registrations` imports it when Django starts."""

from __future__ import annotations

from idp.changes import controller, events
from idp.common import host
from schemas.databases import declaring, measuring, portal_parts, snapshots, tasks
from schemas.permissions import DATABASE_VIEW

__all__ = ["tasks"]  # Celery looks for tasks of an app only in `schemas.tasks`

controller.register_periodic("databases", snapshots.EVERY_SECONDS, snapshots.send_due)
controller.register_periodic("databases.drift", snapshots.EVERY_SECONDS, measuring.send_stale)
controller.register_periodic("databases.declare", declaring.EVERY_SECONDS, declaring.sweep)
events.register_list(measuring.TOPIC, DATABASE_VIEW)
host.navigation.register(
    host.NavEntry("Deliver", "Databases", "schemas:databases", "database", DATABASE_VIEW, order=45)
)
host.search.register(host.SearchProvider("Databases", portal_parts.find, order=45))
host.commands.register(
    host.Command(
        "databases",
        "Databases",
        url_name="schemas:databases",
        shortcut="g d",
        permission=DATABASE_VIEW,
        icon="database",
    )
)
host.home.register(
    host.Panel(
        "databases-drifted",
        "Databases that drifted",
        45,
        "schemas/databases/panel.html",
        portal_parts.drifted,
        column="side",
        permission=DATABASE_VIEW,
    )
)
host.entity_tabs.register(
    host.Tab(
        "environment",
        "databases",
        "Databases",
        "schemas/databases/environment_tab.html",
        portal_parts.of_environment,
        permission=DATABASE_VIEW,
        order=60,
    )
)
