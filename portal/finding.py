"""Search over all registered providers and commands: palette, search page and REST share it."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from typing import Any

from idp.common import host
from portal import shell
from portal.vocabulary import look
from rbac.access import Actor

log = logging.getLogger(__name__)
MAX_TEXT = 100
EACH = 6  # hits of one provider


@dataclass(frozen=True)
class Found:
    """A line of the palette: a place to go, or a command that may be refused, with the reason."""

    title: str
    url: str
    icon: str
    detail: str = ""
    status: str = ""
    tone: str = ""
    status_icon: str = ""
    disabled: bool = False
    keys: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Group:
    title: str
    hits: list[Found]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def search(actor: Actor, text: str, *, each: int = EACH) -> list[Group]:
    """Groups of hits for `text`, objects before commands; ">" asks for commands alone.

    Only what the actor may see; commands that the actor may not run come last, saying what is
    missing. A provider that fails is left out and logged.
    """
    text = text[:MAX_TEXT].strip()
    only_commands = text.startswith(">")
    text = text.removeprefix(">").strip()
    groups: list[Group] = []
    if text and not only_commands:
        groups += [Group(name, hits) for name, hits in _objects(actor, text, each) if hits]
    return groups + _commands(actor, text)


def _objects(actor: Actor, text: str, each: int) -> list[tuple[str, list[Found]]]:
    found = []
    for provider in host.search:
        try:
            hits = provider.find(actor, text, each)
        except Exception:  # one provider must not silence the rest
            log.exception("search provider %s failed", provider.name)
            continue
        found.append((provider.name, [_line(hit) for hit in hits[:each]]))
    return found


def _line(hit: host.Hit) -> Found:
    if not hit.status:
        return Found(hit.title, hit.url, hit.icon, hit.detail)
    seen = look(hit.status)
    return Found(hit.title, hit.url, hit.icon, hit.detail, hit.status, seen.tone, seen.icon)


def _commands(actor: Actor, text: str) -> list[Group]:
    words = text.lower().split()
    groups: dict[str, list[Found]] = {}
    for command in host.commands:
        url = shell.command_address(command)
        said = f"{command.title} {command.words}".lower()
        if not url or not all(word in said for word in words):
            continue
        groups.setdefault(command.group, []).append(_command(actor, command, url))
    return [
        Group(title, sorted(hits, key=lambda hit: hit.disabled)) for title, hits in groups.items()
    ]


def _command(actor: Actor, command: host.Command, url: str) -> Found:
    if shell.may(actor, command.permission):
        return Found(command.title, url, command.icon, keys=command.shortcut.split())
    return Found(command.title, "", "lock", detail=f"needs {command.permission}", disabled=True)
