"""What the portal hands to its own host: catalog, search and the panel of one's components."""

from __future__ import annotations

from django.urls import reverse

from idp.common import host
from portal import (
    front,
    permissions,  # noqa: F401  # registers this app's table
)
from portal.selectors import Filters, component_list
from rbac.access import Actor


def find_components(actor: Actor, text: str, limit: int) -> list[host.Hit]:
    """Components whose name, title or description has `text`; names that begin with it first."""
    rows = list(component_list(actor=actor, filters=Filters(q=text))[: limit * 4])
    rows.sort(key=lambda row: (not row.name.startswith(text.lower()), text.lower() not in row.name))
    return [
        host.Hit(
            row.name,
            reverse("portal:component", args=[row.name]),
            detail=f"{row.type} · team {row.owner.name}",
            icon="components",
        )
        for row in rows[:limit]
    ]


host.navigation.register(
    host.NavEntry("", "Home", "portal:home", "home", order=10),
    host.NavEntry("", "Catalog", "portal:catalog", "components", "component.view", order=30),
)
host.search.register(host.SearchProvider("Components", find_components, order=20))
host.home.register(host.Panel("mine", "My components", 300, "portal/panels/mine.html", front.mine))
host.commands.register(
    host.Command("home", "Home", "portal:home", shortcut="g h", icon="home", order=10),
    host.Command(
        "catalog", "Catalog", "portal:catalog", "", "g k", "component.view", "components", order=20
    ),
    host.Command(
        "component-new",
        "Add a component…",
        "portal:component-new",
        permission="component.create",
        icon="plus",
        group="Do",
        order=200,
    ),
    host.Command(
        "catalog-import",
        "Import a catalog-info.yaml…",
        "portal:catalog-import",
        permission="component.create",
        icon="upload",
        group="Do",
        order=210,
    ),
    *(
        host.Command(
            f"theme-{name}",
            f"Theme: {title}",
            url=f"#theme-{name}",  # the pages' script takes it
            icon=icon,
            group="Do",
            order=800,
        )
        for name, title, icon in (
            ("light", "light", "sun"),
            ("dark", "dark", "moon"),
            ("system", "as the system", "device-desktop"),
        )
    ),
    host.Command(
        "keyboard",
        "Keyboard shortcuts",
        "portal:keyboard",
        icon="keyboard",
        group="Help",
        order=900,
    ),
)
