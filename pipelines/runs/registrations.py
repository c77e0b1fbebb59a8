"""What the pages of pipelines hand to the portal."""

from __future__ import annotations

from idp.common import host
from pipelines.permissions import RUN, VIEW
from pipelines.runs import portal_parts
from pipelines.runs.views import requests

host.navigation.register(
    host.NavEntry("Deliver", "Pipelines", "pipelines:list", "rocket", VIEW, order=30)
)
host.search.register(host.SearchProvider("Pipelines", portal_parts.find, order=50))
host.commands.register(
    host.Command(
        "pipelines",
        "Pipelines",
        url_name="pipelines:list",
        shortcut="g p",
        permission=VIEW,
        icon="rocket",
        words="ci jobs builds",
    ),
    host.Command(
        "resource-groups",
        "Resource groups",
        url_name="pipelines:resource-groups",
        permission=VIEW,
        icon="list-check",
        words="turns deploys wait order process mode",
    ),
    host.Command(
        "start-pipeline",
        "Start a pipeline…",
        url_name="pipelines:start",
        permission=RUN,
        icon="player-play",
        group="Do",
        order=30,
        words="run ci build",
    ),
)
host.home.register(
    host.Panel(
        "my-pipelines",
        "Your pipelines",
        35,
        "pipelines/mine_panel.html",
        portal_parts.mine,
        column="side",
        permission=VIEW,
    )
)
host.entity_tabs.register(
    host.Tab(
        "component",
        "pipelines",
        "Pipelines",
        "pipelines/component_tab.html",
        portal_parts.of_component,
        permission=VIEW,
        order=30,
    )
)
host.entity_tabs.register(
    host.Tab(
        "repository",
        "merge-requests",
        "Merge requests",
        "pipelines/merge_requests.html",
        requests.of_repository,
        permission=VIEW,
        order=30,
    )
)
host.entity_tabs.register(
    host.Tab(
        "merge_request",
        "pipeline",
        "Pipeline",
        "pipelines/merge_request.html",
        requests.of_request,
        permission=VIEW,
        order=30,
    )
)
