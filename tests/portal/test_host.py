"""The registries that every app hands its entries to."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from idp.common import host
from idp.common.host import Banner, Command, NavEntry, Panel, Registry, Tab
from portal.vocabulary import LOOKS


def _entry(name: str, order: int) -> NavEntry:
    return NavEntry("", name, name, "home", order=order)


def test_entries_come_in_their_order_then_by_key() -> None:
    registry: Registry[NavEntry] = Registry()
    registry.register(_entry("b", 2), _entry("z", 1), _entry("a", 2))
    assert [entry.key for entry in registry] == ["z", "a", "b"]
    assert len(registry) == 3


def test_a_key_registered_twice_is_refused() -> None:
    registry: Registry[NavEntry] = Registry()
    registry.register(_entry("a", 1))
    with pytest.raises(ValueError, match="'a' is registered already"):
        registry.register(_entry("a", 2))


def test_get_answers_by_key_or_nothing() -> None:
    registry: Registry[NavEntry] = Registry()
    registry.register(_entry("a", 1))
    assert registry.get("a") == _entry("a", 1)
    assert registry.get("b") is None


def test_holding_replaces_the_entries_for_a_while() -> None:
    registry: Registry[NavEntry] = Registry()
    registry.register(_entry("a", 1))
    with registry.holding(_entry("b", 1)):
        assert [entry.key for entry in registry] == ["b"]
    assert [entry.key for entry in registry] == ["a"]


def test_tabs_are_told_apart_by_entity() -> None:
    tabs = host.Tabs()
    tabs.register(
        Tab("component", "environments", "Environments", "x.html", lambda *_: {}),
        Tab("environment", "environments", "Environments", "x.html", lambda *_: {}),
    )
    assert [tab.entity for tab in tabs.of("component")] == ["component"]


def test_banner_sources_are_keyed_by_their_function() -> None:
    def freezes(actor: object) -> list[Banner]:
        return [Banner("Frozen")]

    banners = host.Banners()
    banners.add(freezes)
    assert [source.find(None) for source in banners] == [[Banner("Frozen")]]
    with pytest.raises(ValueError, match="freezes' is registered already"):
        banners.add(freezes)


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        (Panel("mine", "Mine", 1, "x.html", lambda _: None), "mine"),
        (Command("home", "Home"), "home"),
        (host.SearchProvider("Components", lambda *_: []), "Components"),
        (host.Column("health", "Health", lambda *_: {}), "health"),
    ],
)
def test_each_kind_of_entry_has_its_key(entry: host.Entry, key: str) -> None:
    assert entry.key == key


def test_no_two_commands_share_a_shortcut() -> None:
    shortcuts = [command.shortcut for command in host.commands if command.shortcut]
    assert sorted(shortcuts) == sorted(set(shortcuts))


def test_every_icon_that_is_registered_exists() -> None:
    sheet = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    known = set(re.findall(r'id="i-([a-z0-9-]+)"', sheet))
    named = {entry.icon for entry in (*host.navigation, *host.account, *host.commands)}
    named |= {seen.icon for seen in LOOKS.values()}
    assert named - known == set()


def test_every_icon_that_a_template_names_exists() -> None:
    sheet = (settings.BASE_DIR / "static" / "icons.svg").read_text()
    known = set(re.findall(r'id="i-([a-z0-9-]+)"', sheet))
    missing = {
        f"{path.name}: {name}"
        for path in (settings.BASE_DIR / "templates").rglob("*.*")
        if path.suffix in {".html", ".jinja"}
        for name in re.findall(r'(?<!status_)icon(?:=|\s|\()"([a-z0-9-]+)"', path.read_text())
        if name not in known
    }
    assert missing == set()
