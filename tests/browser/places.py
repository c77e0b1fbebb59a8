"""The pages that are looked at: name, address, and who opens it."""

from __future__ import annotations

from dataclasses import dataclass

from idp.common import host
from portal.shell import address
from tests.browser.world import ADMINISTRATOR, AUTHOR, VIEWER


@dataclass(frozen=True)
class Place:
    name: str
    path: str
    who: str = ADMINISTRATOR
    status: int = 200


FIXED = (
    Place("home", "/", AUTHOR),
    Place("component", "/catalog/orders-api/", AUTHOR),
    Place("component-new", "/catalog/new/", AUTHOR),
    Place("component-edit", "/catalog/orders-web/edit/", AUTHOR),
    Place("catalog-import", "/catalog/import/", AUTHOR),
    Place("search", "/search/?q=orders", AUTHOR),
    Place("keyboard", "/help/keyboard/", AUTHOR),
    Place("forbidden", "/catalog/new/", VIEWER, 403),
    Place("not-found", "/catalog/absent/", AUTHOR, 404),
    Place("sign-in", "/sign-in/", ""),
    Place("password-reset", "/password-reset/", ""),
    Place("access-why", "/access/why/"),
    Place("access-grant", "/access/grant/"),
    Place("access-role", "/access/roles/developer/"),
    Place("access-team", "/access/teams/orders/"),
    Place("access-project-new", "/access/projects/new/"),
    Place("account-token-new", "/account/tokens/new/", AUTHOR),
)


def places() -> list[Place]:
    """The fixed ones, then each line of navigation and account menu as administrator."""
    entries = [*host.navigation, *host.account]
    lines = [
        Place(entry.url_name.replace(":", "-"), address(entry.url_name))
        for entry in entries
        if address(entry.url_name) and entry.url_name != "portal:home"
    ]
    return list({place.name: place for place in (*FIXED, *lines, *objects())}.values())


def objects() -> list[Place]:
    """Pages of objects that `world.build` made."""
    return []
