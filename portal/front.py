"""The home page's parts: the registered panels, filled for one actor, and the headline."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.common import host
from portal import shell
from portal.models import Component
from portal.selectors import components_of_teams
from rbac.access import Actor

log = logging.getLogger(__name__)
MINE = 50


@dataclass(frozen=True)
class FilledPanel:
    """A panel with what its app says of the actor."""

    name: str
    title: str
    column: str
    template: str
    data: Mapping[str, Any]

    @property
    def tells(self) -> bool:
        """Whether it shows anything of the actor's; a panel that counts nothing does not."""
        return str(self.data.get("count", "1") or "0") != "0"

    @property
    def headline(self) -> str:
        return str(self.data.get("headline", ""))


def panels(actor: Actor) -> list[FilledPanel]:
    """The panels that have something to say, in order; one that fails is left out and logged."""
    filled: list[FilledPanel] = []
    covered: set[str] = set()
    for panel in host.home:
        if not shell.may(actor, panel.permission):
            continue
        try:
            data = panel.context(actor)
        except Exception:  # one app must not take the home page away
            log.exception("home panel %s failed", panel.name)
            continue
        if data is not None:
            filled.append(FilledPanel(panel.name, panel.title, panel.column, panel.template, data))
            covered.add(panel.covers)
    return [panel for panel in filled if panel.name not in covered]


def headline(filled: list[FilledPanel]) -> str:
    """The panels' clauses as a sentence: “One change failed, two decisions wait for you.”."""
    clauses = [panel.headline for panel in filled if panel.headline]
    if not clauses:
        return "Nothing is broken and nothing waits for you."
    sentence = ", ".join(clauses)
    return f"{sentence[:1].upper()}{sentence[1:]}."


@dataclass(frozen=True)
class Row:
    """A component and its cells in the registered columns."""

    component: Component
    cells: list[tuple[str, str]]


def rows(actor: Actor, components: list[Component], *, worst_first: bool = False) -> list[Row]:
    """The components with what the registered columns say of each."""
    columns = list(host.component_columns)
    if worst_first:
        weights = [c.worst(actor, components) for c in columns if c.worst is not None]
        components = sorted(
            components, key=lambda row: (-sum(w.get(row.pk, 0) for w in weights), row.name)
        )
    cells = [(column.title, column.cells(actor, components)) for column in columns]
    return [
        Row(component, [(title, found.get(component.pk, "")) for title, found in cells])
        for component in components
    ]


def mine(actor: Actor) -> dict[str, Any] | None:
    """The panel "My components": those of the actor's teams, worst first."""
    components = components_of_teams(actor=actor, limit=MINE)
    if not components:
        return None
    return {
        "count": f"{len(components)}, worst first" if len(components) > 1 else "1",
        "link": ("Open the catalog", shell.address("portal:catalog")),
        "columns": [column.title for column in host.component_columns],
        "rows": rows(actor, components, worst_first=True),
    }
