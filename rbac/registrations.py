"""What rbac hands to others when Django starts."""

from __future__ import annotations

from typing import Any

from celery.signals import task_postrun
from django.apps import apps
from django.db.models import Q
from django.db.models.signals import post_migrate
from django.urls import reverse

from idp.common.host import (
    Command,
    Hit,
    NavEntry,
    SearchProvider,
    account,
    commands,
    navigation,
    search,
)
from rbac import (
    audit,
    checks,  # noqa: F401  # registers the system checks
    invalidation,
    permissions,  # noqa: F401  # registers this app's table
    selectors,
    sync,
)
from rbac.actors import Actor


def _flush(**_: Any) -> None:
    audit.flush_denials()


def find_people(actor: Actor, text: str, limit: int) -> list[Hit]:
    names = Q(username__icontains=text) | Q(first_name__icontains=text)
    rows = selectors.people(actor).filter(names, is_active=True)[:limit]
    url = f"{reverse('rbac:access')}?tab=people"
    return [Hit(row.username, url, row.get_full_name(), "user") for row in rows]


def find_teams(actor: Actor, text: str, limit: int) -> list[Hit]:
    rows = selectors.teams(actor).filter(Q(name__icontains=text) | Q(title__icontains=text))
    return [
        Hit(row.name, reverse("rbac:team", args=[row.name]), row.title, "users-group")
        for row in rows[:limit]
    ]


def find_projects(actor: Actor, text: str, limit: int) -> list[Hit]:
    rows = selectors.projects(actor).filter(Q(name__icontains=text) | Q(title__icontains=text))
    url = reverse("rbac:access")
    return [
        Hit(row.name, f"{url}?scope={row.name}", f"team {row.team.name}", "folder")
        for row in rows[:limit]
    ]


invalidation.connect()
post_migrate.connect(sync.sync, sender=apps.get_app_config("rbac"), dispatch_uid="rbac.sync")
task_postrun.connect(_flush, dispatch_uid="rbac.denials", weak=False)

account.register(NavEntry("", "Account and tokens", "rbac:account", "user"))
navigation.register(
    NavEntry("Govern", "Access", "rbac:access", "shield-lock", "team.view", 10),
    NavEntry("Govern", "Audit", "rbac:audit", "file-certificate", "audit.view", 20),
)
search.register(
    SearchProvider("Projects", find_projects, 40),
    SearchProvider("Teams", find_teams, 80),
    SearchProvider("People", find_people, 90),
)
commands.register(
    Command("access", "Access", "rbac:access", shortcut="g a", permission="team.view"),
    Command("audit", "Audit", "rbac:audit", shortcut="g u", permission="audit.view"),
    Command("account", "My account and tokens", "rbac:account", icon="user"),
    Command("token-new", "Create a token", "rbac:token-new", icon="key", group="Do"),
    Command("why", "Why can’t I…?", "rbac:why", icon="help-circle", group="Do"),
    Command(
        "grant", "Grant a role", "rbac:grant", permission="access.grant", icon="plus", group="Do"
    ),
    Command(
        "invite", "Invite somebody", "rbac:invite", permission="user.invite",
        icon="user-plus", group="Do",
    ),
    Command("sign-out", "Sign out", "rbac:sign-out", icon="logout", group="Do"),
)  # fmt: skip
