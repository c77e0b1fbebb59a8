"""What this app hands to lower apps: the renderer, gates, listeners, pages' parts."""

from django.apps import apps
from django.db.models.signals import post_migrate

from environments import expiry, library, listeners, permissions, portal_parts, services
from environments import gates as own_gates
from environments.rendering.document import FILENAME
from environments.rendering.renderer import EnvironmentRenderer
from gitops import listeners as sync
from gitops import renderers
from idp.changes import controller, events, gates
from idp.common import host

__all__ = ["permissions"]

renderers.register(FILENAME, EnvironmentRenderer())
gates.register(gates.Gate(own_gates.LIMITS, "Limits", own_gates.check_limits))
gates.register(gates.Gate(own_gates.QUOTA, "Quota", own_gates.check_quota))
sync.register(
    on_synced=listeners.on_synced, on_ended=listeners.on_ended, adopt=services.adopt_directory
)
controller.register_periodic("environments.expiry", expiry.EVERY_SECONDS, expiry.look)
post_migrate.connect(
    library.publish_shipped,
    sender=apps.get_app_config("environments"),
    dispatch_uid="environments.blueprints",
)

events.register_list("environments", "environment.view")
host.navigation.register(
    host.NavEntry(
        "Deliver", "Environments", "environments:list", "stack-2", "environment.view", order=10
    ),
    host.NavEntry(
        "Govern", "Blueprints", "environments:blueprints", "template", "blueprint.view", order=60
    ),
)
host.home.register(
    host.Panel(
        "environments-broken",
        "Broken now",
        10,
        "environments/panels/broken.html",
        portal_parts.broken,
        permission="environment.view",
    ),
    host.Panel(
        "environments-matrix",
        "Where my components run",
        30,
        "environments/panels/matrix.html",
        portal_parts.matrix,
        permission="environment.view",
        covers="mine",
    ),
    host.Panel(
        "environments-expiring",
        "Expires soon",
        40,
        "environments/panels/expiring.html",
        portal_parts.expiring,
        column="side",
        permission="environment.view",
    ),
)
host.component_columns.register(
    host.Column("environments", "Runs in", portal_parts.cells, portal_parts.worst)
)
host.entity_tabs.register(
    host.Tab(
        "component",
        "environments",
        "Where it runs",
        "environments/component.html",
        portal_parts.where,
        permission="environment.view",
    )
)
host.search.register(host.SearchProvider("Environments", portal_parts.find, order=10))
host.commands.register(
    host.Command(
        "environments",
        "Environments",
        url_name="environments:list",
        shortcut="g e",
        permission="environment.view",
        icon="stack-2",
    ),
    host.Command(
        "blueprints",
        "Blueprints",
        url_name="environments:blueprints",
        shortcut="g b",
        permission="blueprint.view",
        icon="template",
    ),
    host.Command(
        "create-environment",
        "New environment",
        url_name="environments:new",
        permission="environment.create",
        icon="plus",
        group="Do",
        order=10,
        words="create",
    ),
)
