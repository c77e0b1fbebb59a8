"""What stands round every page: navigation, banners, shortcuts, and who is looking.

A context processor (settings `TEMPLATES`), so that pages of every app get it; evaluated only when a
template asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_urlconf, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from idp.common import host
from rbac import grants
from rbac.access import Actor, held_anywhere
from rbac.permissions import BUILTIN_ROLES
from rbac.requests import actor_of

SECTIONS = ("", "Deliver", "Operate", "Govern")
KEPT = 1024  # addresses, each of a name that the code writes down
MAX_ROLES = 2
MAX_PLACES = 3
MAX_BANNERS = 3


@dataclass(frozen=True)
class Line:
    """A line of the navigation as a template shows it."""

    label: str
    url: str
    icon: str
    badge: str = ""
    hot: bool = False
    current: bool = False


@dataclass(frozen=True)
class Section:
    label: str
    entries: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Shortcut:
    title: str
    url: str
    shortcut: str

    @property
    def keys(self) -> list[str]:
        return self.shortcut.split()


def address(url_name: str) -> str:
    """The address of a URL name, empty while the app that has it is not installed."""
    return _address(url_name, get_urlconf())


@lru_cache(maxsize=KEPT)
def _address(url_name: str, _urlconf: str | None) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def may(actor: Actor, permission: str) -> bool:
    """Whether an entry is for the actor: it needs nothing, or something held at any place."""
    return not permission or held_anywhere(actor, permission)


def command_address(command: host.Command) -> str:
    return command.url or address(command.url_name)


class Shell:
    """The shell of one request; every part is computed once, when it is asked for."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.actor = actor_of(request)
        self._badges: dict[Any, str | Mapping[str, str]] = {}

    @cached_property
    def nav(self) -> tuple[Section, ...]:
        if self.actor.user is None:
            return ()
        entries = [entry for entry in host.navigation if may(self.actor, entry.permission)]
        addresses = {entry.key: address(entry.url_name) for entry in entries}
        current = _longest(self.request.path, addresses.values())
        sections = [
            Section(
                label,
                tuple(
                    self._line(entry, addresses[entry.key], current)
                    for entry in entries
                    if entry.section == label and addresses[entry.key]
                ),
            )
            for label in _labels(entries)
        ]
        return tuple(section for section in sections if section.entries)

    def _line(self, entry: host.NavEntry, url: str, current: str) -> Line:
        badge = self._badge(entry)
        return Line(entry.label, url, entry.icon, badge, entry.hot, current=url == current)

    def _badge(self, entry: host.NavEntry) -> str:
        if entry.badge is None:
            return ""
        if entry.badge not in self._badges:
            self._badges[entry.badge] = entry.badge(self.actor)
        found = self._badges[entry.badge]
        return found if isinstance(found, str) else found.get(entry.url_name, "")

    @cached_property
    def banners(self) -> list[host.Banner]:
        if self.actor.user is None:
            return []
        found = [banner for source in host.banners for banner in source.find(self.actor)]
        return found[:MAX_BANNERS]

    @cached_property
    def shortcuts(self) -> tuple[Shortcut, ...]:
        if self.actor.user is None:
            return ()
        return tuple(
            Shortcut(command.title, command_address(command), command.shortcut)
            for command in host.commands
            if command.shortcut and command_address(command) and may(self.actor, command.permission)
        )

    @cached_property
    def account(self) -> list[Line]:
        lines = [
            Line(entry.label, address(entry.url_name), entry.icon)
            for entry in host.account
            if may(self.actor, entry.permission)
        ]
        return [line for line in lines if line.url]

    @cached_property
    def roles(self) -> str:
        """What the viewer holds, in short: “developer on orders/staging; viewer on orders”."""
        if self.actor.user is None:
            return ""
        places: dict[str, list[str]] = {}
        now = timezone.now()
        for grant in grants.of(self.actor).every:
            if not grant.lives(now):
                continue
            role = grant.source.removeprefix("role ").partition(" of team ")[0]
            if grant.scope_label not in places.setdefault(role, []):
                places[role].append(grant.scope_label)
        held = sorted(places.items(), key=lambda item: -_rank(item[0]))
        if not held:
            return f"{self.actor.user.username}, without a role"
        rest = len(held) - MAX_ROLES
        more = f" and {rest} more role{'s' if rest > 1 else ''}" if rest > 0 else ""
        return "; ".join(f"{role} on {_few(at)}" for role, at in held[:MAX_ROLES]) + more

    @cached_property
    def why(self) -> str:
        return address("rbac:why")

    @cached_property
    def sign_out(self) -> str:
        return address("rbac:sign-out")

    @cached_property
    def api_console(self) -> str:
        return address("api-console")


def _rank(role: str) -> int:
    """Built-in roles in the order of the table, the mightiest last; others below them."""
    return [*BUILTIN_ROLES].index(role) if role in BUILTIN_ROLES else -1


def _few(places: Sequence[str]) -> str:
    more = f" and {len(places) - MAX_PLACES} more" if len(places) > MAX_PLACES else ""
    return ", ".join(places[:MAX_PLACES]) + more


def _labels(entries: Iterable[host.NavEntry]) -> Sequence[str]:
    """The known sections in their order, then those that only entries name."""
    return list(dict.fromkeys([*SECTIONS, *(entry.section for entry in entries)]))


def _longest(path: str, addresses: Iterable[str]) -> str:
    """The address that is the path's longest beginning; the home page only for itself."""
    fitting = [a for a in addresses if a and (path == a or (a != "/" and path.startswith(a)))]
    return max(fitting, key=len, default="")


def context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell`, lazily."""
    return {"shell": SimpleLazyObject(lambda: Shell(request))}
