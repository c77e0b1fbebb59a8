"""What deployments hand to the kernel and the portal."""

from __future__ import annotations

from idp.common import host
from pipelines.deploys import gates, identity, migrated
from pipelines.permissions import VIEW

__all__ = ["identity"]  # it registers itself as the issuer of jobs' tokens
gates.register()
migrated.register()
host.navigation.register(
    host.NavEntry("Deliver", "Promotions", "pipelines:board", "route", VIEW, order=32)
)
host.commands.register(
    host.Command(
        "promotions",
        "Promotions",
        url_name="pipelines:board",
        shortcut="g o",
        permission=VIEW,
        icon="route",
        words="board bundles deploy ship staging production",
    )
)
