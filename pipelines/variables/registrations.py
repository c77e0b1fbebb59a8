"""What the pages of variables hand to the portal."""

from __future__ import annotations

from idp.common import host
from pipelines.permissions import MANAGE

host.navigation.register(
    host.NavEntry("Deliver", "CI variables", "pipelines:variables", "variable", MANAGE, order=33)
)
host.commands.register(
    host.Command(
        "ci-variables",
        "CI variables",
        url_name="pipelines:variables",
        permission=MANAGE,
        icon="variable",
        words="secrets tokens masked hidden pipelines",
    ),
    host.Command(
        "ci-variable-new",
        "New CI variable…",
        url_name="pipelines:variable-new",
        permission=MANAGE,
        icon="plus",
        group="Do",
        order=72,
        words="secret token",
    ),
)
