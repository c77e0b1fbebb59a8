"""What the portal shows of every app: each hands its entries to these registries.

An app's `registrations.py` (imported by its `ready()`) registers; the portal renders, asking
`decide` for every entry that names a permission. `Actor` stands in the room above, so it is Any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar


class Entry(Protocol):
    """Anything registered: found by `key`, shown by `order`."""

    @property
    def key(self) -> str: ...

    @property
    def order(self) -> int: ...


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """Entries by key, in their own order; registering a key twice is a mistake in the code."""

    def __init__(self) -> None:
        self._entries: dict[str, E] = {}

    def register(self, *entries: E) -> None:
        for entry in entries:
            if entry.key in self._entries:
                raise ValueError(f"{entry.key!r} is registered already")
            self._entries[entry.key] = entry

    def __iter__(self) -> Iterator[E]:
        return iter(sorted(self._entries.values(), key=lambda entry: (entry.order, entry.key)))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> E | None:
        return self._entries.get(key)

    @contextmanager
    def holding(self, *entries: E) -> Iterator[None]:
        """Only `entries` inside the block, the former ones after it: for tests."""
        former, self._entries = self._entries, {entry.key: entry for entry in entries}
        try:
            yield
        finally:
            self._entries = former


@dataclass(frozen=True)
class NavEntry:
    """A line of the navigation. Sections: "" (top), "Deliver", "Operate", "Govern".

    `badge` answers a short text ("4", "2 running"; "" shows none), or such texts by URL name where
    several entries share it; it is called once a page, and must cost at most one query.
    `hot` colours it. Entries whose `permission` the actor has nowhere are left out.
    """

    section: str
    label: str
    url_name: str
    icon: str
    permission: str = ""
    order: int = 100
    badge: Callable[[Any], str | Mapping[str, str]] | None = None
    hot: bool = False

    @property
    def key(self) -> str:
        return self.url_name


@dataclass(frozen=True)
class Panel:
    """A part of the home page, rendered from `template` with what `context(actor)` answers.

    The context may carry, for the frame: `count` (beside the title), `link` ((label, url)),
    `headline` (a clause of the page's sentence: "one change failed"). None hides the panel.
    Column: "main" or "side". `covers` names a panel that is left out while this one is shown.
    """

    name: str
    title: str
    order: int
    template: str
    context: Callable[[Any], Mapping[str, Any] | None]
    column: str = "main"
    permission: str = ""
    covers: str = ""

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True)
class Hit:
    """One answer of a search: what it is called, where it is, and what tells it from others."""

    title: str
    url: str
    detail: str = ""
    icon: str = "file-text"
    status: str = ""  # a word of the status vocabulary: "Healthy", "Progressing", …


@dataclass(frozen=True)
class SearchProvider:
    """`find(actor, text, limit)` answers what the actor may see, best first, in a few ms."""

    name: str  # the group's title: "Environments"
    find: Callable[[Any, str, int], Sequence[Hit]]
    order: int = 100

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True)
class Command:
    """Something to do or a place to go; `shortcut` is a key sequence such as "g e".

    Who lacks `permission` sees it in the palette with the reason, and cannot choose it. `words`
    are others by which people look for it.
    """

    name: str
    title: str
    url_name: str = ""
    url: str = ""
    shortcut: str = ""
    permission: str = ""
    icon: str = "arrow-right"
    group: str = "Go to"
    order: int = 100
    words: str = ""

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True)
class Tab:
    """A tab on the page of an entity of a lower app: `context(actor, obj)` fills `template`."""

    entity: str  # "component" or "environment"
    name: str
    title: str
    template: str
    context: Callable[[Any, Any], Mapping[str, Any]]
    permission: str = ""
    order: int = 100

    @property
    def key(self) -> str:
        return f"{self.entity}.{self.name}"


@dataclass(frozen=True)
class Column:
    """A column beside components (home, catalog): `cells` answers safe HTML by component id.

    It is called once a page with all rows' components, in at most two queries; `worst`, where
    given, answers a number by component id, and the home page lists the highest first.
    """

    name: str
    title: str
    cells: Callable[[Any, Sequence[Any]], Mapping[int, str]]
    worst: Callable[[Any, Sequence[Any]], Mapping[int, int]] | None = None
    order: int = 100

    @property
    def key(self) -> str:
        return self.name


@dataclass(frozen=True)
class Banner:
    """A sentence over every page: a freeze, a simulated part. Tones: ok, warn, bad, busy, idle."""

    title: str
    text: str = ""
    tone: str = "warn"
    icon: str = "snowflake"
    url: str = ""
    link: str = ""


@dataclass(frozen=True)
class BannerSource:
    """Answers the banners that an actor shall see, in at most one query."""

    find: Callable[[Any], Sequence[Banner]]
    order: int = 100

    @property
    def key(self) -> str:
        return f"{self.find.__module__}.{self.find.__qualname__}"


@dataclass(frozen=True)
class Page:
    """What the shell says of a page: give it to the template as `page`."""

    title: str
    breadcrumbs: Sequence[tuple[str, str]] = ()  # (label, url), without this page
    api: str = ""  # the same by REST: "/api/v1/environments/"
    owner: str = ""
    permission: str = ""  # what lets the viewer see it; the footer explains it
    nav: str = ""  # url_name of the navigation's current line; the longest fitting address else
    topics: Sequence[str] = ()  # live topics that the page follows


class Banners(Registry[BannerSource]):
    """Registry of banner sources that takes the bare function."""

    def add(self, find: Callable[[Any], Sequence[Banner]], *, order: int = 100) -> None:
        self.register(BannerSource(find, order))


class Tabs(Registry[Tab]):
    def of(self, entity: str) -> list[Tab]:
        return [tab for tab in self if tab.entity == entity]


navigation: Registry[NavEntry] = Registry()
account: Registry[NavEntry] = Registry()  # the menu under one's own name; sections are not shown
home: Registry[Panel] = Registry()
search: Registry[SearchProvider] = Registry()
commands: Registry[Command] = Registry()
entity_tabs = Tabs()
component_columns: Registry[Column] = Registry()
banners = Banners()
