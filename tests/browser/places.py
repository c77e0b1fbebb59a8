"""The pages that are looked at: name, address, and who opens it."""

from __future__ import annotations

from dataclasses import dataclass

from idp.changes.models import Change
from idp.common import host
from portal.shell import address
from tests.browser.world import ADMINISTRATOR, AUDITOR, AUTHOR, LEAD, VIEWER


@dataclass(frozen=True)
class Place:
    name: str
    path: str
    who: str = ADMINISTRATOR
    status: int = 200


FIXED = (
    Place("home", "/", AUTHOR),
    Place("component", "/catalog/orders-api/", AUTHOR),
    Place("component-environments", "/catalog/orders-api/?tab=environments", AUTHOR),
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
    dev = "/environments/orders/dev/"
    tabs = ("workloads", "resources", "variables", "events", "logs", "history", "access")
    actions = (
        "scale", "image", "variables", "secrets", "remove-secret", "component", "restart", "stop",
        "extend", "delete",
    )  # fmt: skip
    return [
        Place("environment", dev, AUTHOR),
        *(Place(f"environment-{tab}", f"{dev}?tab={tab}", AUTHOR) for tab in tabs),
        *(Place(f"do-{action}", f"{dev}{action}/", AUTHOR) for action in actions),
        Place("environment-share", f"{dev}share/"),
        Place("environment-access-of-administrator", f"{dev}?tab=access"),
        Place("create", "/environments/new/?blueprint=web-service-aws@1.0.0", AUTHOR),
        Place("blueprint", "/blueprints/web-service-aws/", AUTHOR),
        Place("cluster", "/clusters/local/"),
        Place("cloud-account", "/accounts/local/"),
        Place("give-up", "/give-up/orders/dev/"),
        *(
            place
            for name, state in (("done", "succeeded"), ("ready", "ready"), ("waiting", "waiting"))
            for place in _change(name, state)
        ),
        Place("waiting-for-lead", "/inbox/", LEAD),
        Place("audit-of-auditor", "/audit/", AUDITOR),
    ]


def _change(name: str, state: str) -> list[Place]:
    change = Change.objects.filter(state=state).order_by("pk")[0]
    return [
        Place(f"change-{name}", f"/changes/{change.pk}/", AUTHOR),
        Place(f"plan-{name}", f"/changes/{change.pk}/plan/", AUTHOR),
    ]
