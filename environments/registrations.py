"""What this app hands to lower apps: the renderer, gates, listeners, pages' parts."""

from django.apps import apps
from django.db.models.signals import post_migrate

from environments import gates as own_gates
from environments import library, permissions
from environments.rendering.document import FILENAME
from environments.rendering.renderer import EnvironmentRenderer
from gitops import renderers
from idp.changes import gates

__all__ = ["permissions"]

renderers.register(FILENAME, EnvironmentRenderer())
gates.register(gates.Gate(own_gates.LIMITS, "Limits", own_gates.check_limits))
gates.register(gates.Gate(own_gates.QUOTA, "Quota", own_gates.check_quota))
post_migrate.connect(
    library.publish_shipped,
    sender=apps.get_app_config("environments"),
    dispatch_uid="environments.blueprints",
)
