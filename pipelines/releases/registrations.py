"""What releases hand to the portal."""

from __future__ import annotations

from idp.common import host
from pipelines.permissions import VIEW

host.commands.register(
    host.Command(
        "releases",
        "Releases",
        url_name="pipelines:releases",
        permission=VIEW,
        icon="tag",
        words="tags notes changelog versions assets",
    )
)
