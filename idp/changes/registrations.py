"""What this app hands to others: gates, facts, permissions, and its places on the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from idp.changes import builtin_gates, events, facts, permissions, presentation, selectors
from idp.common import host
from idp.common.host import Banner, Command, Hit, NavEntry, Panel, SearchProvider
from rbac.actors import Actor

__all__ = ["permissions"]

SHOWN = 8


def badges(actor: Actor) -> Mapping[str, str]:
    waiting, running = selectors.badge_counts(actor)
    return {
        "changes:inbox": str(waiting) if waiting else "",
        "changes:list": f"{running} running" if running else "",
    }


def waiting_panel(actor: Actor) -> Mapping[str, Any] | None:
    rows = list(selectors.inbox_changes(actor)[: SHOWN + 1])
    waivers = list(selectors.inbox_waivers(actor)[:SHOWN])
    if not rows and not waivers:
        return None
    count = selectors.inbox_changes(actor).count() if len(rows) > SHOWN else len(rows)
    return {
        "rows": [(c, selectors.to_confirm(actor, c)) for c in rows[:SHOWN]],
        "waivers": waivers,
        "count": count + len(waivers),
        "link": ("Show all", reverse("changes:inbox")),
        "headline": _waiting(count, len(waivers)),
    }


def _waiting(changes: int, waivers: int) -> str:
    """“2 changes and 1 waiver wait for you”."""
    counted = [(changes, "change"), (waivers, "waiver")]
    named = [f"{count} {noun}{'s' if count > 1 else ''}" for count, noun in counted if count]
    return f"{' and '.join(named)} wait{'' if changes + waivers > 1 else 's'} for you"


def activity_panel(actor: Actor) -> Mapping[str, Any] | None:
    rows = list(selectors.change_list(actor)[:SHOWN])
    if not rows:
        return None
    return {
        "rows": [(c, presentation.look(c)) for c in rows],
        "link": ("All changes", reverse("changes:list")),
    }


def find_changes(actor: Actor, text: str, limit: int) -> Sequence[Hit]:
    rows = selectors.change_list(actor)
    if text.isascii() and text.isdigit() and len(text) < 19:  # noqa: PLR2004 - 64 bits
        rows = rows.filter(pk=int(text))
    else:
        rows = rows.filter(title__icontains=text)
    return [
        Hit(
            f"Change {c.pk}: {c.title}",
            reverse("changes:detail", args=[c.pk]),
            f"{c.scope.label}, {c.actor_label}",
            "git-pull-request",
            presentation.look(c),
        )
        for c in rows[:limit]
    ]


def freeze_banners(actor: Actor) -> Sequence[Banner]:
    return [
        Banner(
            f"{freeze.scope.label} is frozen",
            f"until {freeze.ends_at:%a %d %b %H:%M} UTC by {freeze.author.username}:"
            f" {freeze.reason}",
            url=reverse("changes:freezes"),
            link="Freezes",
        )
        for freeze in selectors.freezes_in_force(actor)[:3]
    ]


facts.register()
builtin_gates.register()
events.register_list("changes", "change.view")
events.register_list("inbox", "change.view")
host.navigation.register(
    NavEntry(
        "",
        "Waiting for me",
        "changes:inbox",
        "inbox",
        "change.view",
        order=20,
        badge=badges,
        hot=True,
    ),
    NavEntry(
        "Deliver",
        "Changes",
        "changes:list",
        "git-pull-request",
        "change.view",
        order=20,
        badge=badges,
    ),
    NavEntry("Govern", "Freezes", "changes:freezes", "snowflake", "freeze.view", order=40),
)
host.home.register(
    Panel("waiting", "Waiting for you", 20, "changes/_home_waiting.html", waiting_panel),
    Panel("activity", "Recent activity", 40, "changes/_home_activity.html", activity_panel),
)
host.search.register(SearchProvider("Changes", find_changes, order=40))
host.commands.register(
    Command(
        "changes", "Changes", "changes:list", shortcut="g c", icon="git-pull-request", order=30
    ),
    Command("inbox", "Waiting for me", "changes:inbox", shortcut="g w", icon="inbox", order=20),
    Command(
        "freeze",
        "Freeze a place, or lift a freeze",
        "changes:freezes",
        permission="freeze.manage",
        icon="snowflake",
        group="Do",
        order=60,
    ),
)
host.banners.add(freeze_banners)
