"""Two descriptions against each other: paths and operations, then what each of them holds.

The reader is the new description: its server meets clients that were written for the old one.
A webhook is the other way round: the server sends the request.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schemas.formats.base import Budget, Difference
from schemas.formats.openapi.check import METHODS
from schemas.formats.openapi.document import Document, Node
from schemas.formats.openapi.effects import (
    ERROR,
    INFORMATION,
    WARNING,
    Context,
    Findings,
    Level,
    Side,
)
from schemas.formats.openapi.exchanges import compare_bodies, compare_responses
from schemas.formats.openapi.lifecycle import (
    Removal,
    compare_lifecycle,
    compare_stability,
    is_draft,
    removal,
)
from schemas.formats.openapi.parameters import compare_parameters, parameters_of, shape_of_path
from schemas.formats.openapi.schemas import Walk
from schemas.formats.openapi.security import compare_security


class Item(NamedTuple):
    """A path, or a webhook, by the name that it has in one description."""

    name: str
    node: Node

    def operations(self) -> dict[str, Node]:
        found = {method: self.node.get(method) for method in METHODS}
        return {method: node for method, node in found.items() if node is not None}


def compare(new: Document, old: Document, budget: Budget) -> tuple[Difference, ...]:
    """Every change from the old description to the new one, harmful ones first."""
    comparison = Comparison(old, new, Findings(budget))
    comparison.run()
    return tuple(sorted(comparison.found.found, key=lambda one: (one.lenient, one.strict)))


class Comparison:
    """One comparison; `found` collects what it sees."""

    def __init__(self, old: Document, new: Document, found: Findings) -> None:
        self.roots = old.root, new.root
        self.found = found
        self.walk = Walk(found)

    def run(self) -> None:
        self._paths()
        self._webhooks()
        self._document()

    # -- paths ----------------------------------------------------------------------------

    def _paths(self) -> None:
        before, after = (_items(root) for root in self.roots)
        for shape, item in before.items():
            if shape in after:
                self._operations(item, after[shape])
            else:
                self._path_removed(item)
        for shape, item in after.items():
            if shape not in before:
                for method, operation in item.operations().items():
                    self._added(f"{method.upper()} {item.name}", operation)

    def _path_removed(self, item: Item) -> None:
        for method, operation in item.operations().items():
            self._removed(f"{method.upper()} {item.name}", (operation, self.roots[1]), "API_PATH")

    def _operations(self, old: Item, new: Item) -> None:
        before, after = old.operations(), new.operations()
        for method, operation in before.items():
            self.found.budget.spend()
            label = f"{method.upper()} {new.name}"
            if method in after:
                self._operation(label, (old, new), (operation, after[method]))
            else:
                self._removed(label, (operation, new.node), "API")
        for method, operation in after.items():
            if method not in before:
                self._added(f"{method.upper()} {new.name}", operation)

    def _added(self, label: str, operation: Node) -> None:
        places = self.roots[0], operation
        self.found.add(Context(label), "ENDPOINT_ADDED", INFORMATION, places, values=(None, label))

    def _removed(self, label: str, places: tuple[Node, Node], prefix: str) -> None:
        context = Context(label, forgiven=is_draft(places[0]))
        rules: dict[Removal, tuple[str, Level, str]] = {
            Removal.SUDDEN: (
                "REMOVED_WITHOUT_DEPRECATION",
                ERROR,
                "keep it, or deprecate it first",
            ),
            Removal.ANNOUNCED: ("REMOVED_WITH_DEPRECATION", INFORMATION, ""),
            Removal.EARLY: ("REMOVED_BEFORE_SUNSET", ERROR, "keep it until its sunset"),
            Removal.UNREADABLE: ("SUNSET_PARSE", ERROR, "give it a sunset that is a date first"),
        }
        kind, level, remedy = rules[removal(places[0])]
        advice = f"Clients that call {label} find nothing there: {remedy}."
        self.found.add(
            context, f"{prefix}_{kind}", level, places, values=(label, None), advice=advice
        )

    # -- operations -----------------------------------------------------------------------

    def _operation(
        self, label: str, items: tuple[Item, Item], places: tuple[Node, Node], *, hook: bool = False
    ) -> None:
        old, new = places
        side = Side.RESPONSE if hook else Side.REQUEST
        context = Context(label, side, forgiven=is_draft(old))
        if not hook:
            sides = tuple(
                parameters_of(item.name, item.node, place)
                for item, place in zip(items, places, strict=True)
            )
            compare_parameters(self.walk, context, (sides[0], sides[1]), places)
            compare_security(self.found, context, places, self.roots)
        compare_bodies(self.walk, context, places)
        compare_responses(self.walk, context, places)
        self._about(context, places)
        self._callbacks(context, (old, new))

    def _about(self, context: Context, places: tuple[Node, Node]) -> None:
        """What describes the operation, and how it ages."""
        compare_stability(self.found, context, places, context.operation)
        compare_lifecycle(self.found, context, places, "ENDPOINT", context.operation)
        names = places[0].raw("operationId"), places[1].raw("operationId")
        if names[0] != names[1]:
            kind = "API_OPERATION_ID_" + ("REMOVED" if names[0] else "ADDED")
            self.found.add(context, kind, INFORMATION, places, values=names)
        before, after = (set(place.raw("tags") or ()) for place in places)
        for gone, kind in ((before - after, "REMOVED"), (after - before, "ADDED")):
            for tag in sorted(gone):
                self.found.add(context, f"API_TAG_{kind}", INFORMATION, places, values=(None, tag))

    def _callbacks(self, context: Context, places: tuple[Node, Node]) -> None:
        before, after = (place.members("callbacks", extensions=False) for place in places)
        for name, node in before.items():
            if name not in after:
                advice = (
                    f"Clients of {context.operation} wait for the callback `{name[:80]}`:"
                    " go on calling them back."
                )
                here = node, places[1]
                self.found.add(context, "API_CALLBACK_REMOVED", WARNING, here, advice=advice)
        for name, node in after.items():
            if name not in before:
                here = places[0], node
                self.found.add(context, "API_CALLBACK_ADDED", INFORMATION, here)

    # -- webhooks -------------------------------------------------------------------------

    def _webhooks(self) -> None:
        before, after = (root.members("webhooks", extensions=False) for root in self.roots)
        for name, node in before.items():
            if name in after:
                self._webhook(Item(name, node), Item(name, after[name]))
            else:
                self._webhook_removed(name, (node, self.roots[1]))
        for name, node in after.items():
            if name not in before:
                places = self.roots[0], node
                self.found.add(Context(name), "WEBHOOK_ADDED", INFORMATION, places)

    def _webhook(self, old: Item, new: Item) -> None:
        before, after = old.operations(), new.operations()
        for method, operation in before.items():
            label = f"the webhook {new.name[:80]}"
            if method in after:
                places = operation, after[method]
                self._operation(label, (old, new), places, hook=True)
            else:
                self._webhook_removed(new.name, (operation, new.node))
        for method, operation in after.items():
            if method not in before:
                places = old.node, operation
                self.found.add(Context(new.name), "WEBHOOK_ADDED", INFORMATION, places)

    def _webhook_removed(self, name: str, places: tuple[Node, Node]) -> None:
        advice = f"Clients that wait for the webhook `{name[:80]}` are no longer called: keep it."
        self.found.add(Context(name), "WEBHOOK_REMOVED", ERROR, places, advice=advice)

    # -- the document ---------------------------------------------------------------------

    def _document(self) -> None:
        old, new = self.roots
        servers = old.raw("servers"), new.raw("servers")
        if servers[0] != servers[1]:
            self.found.add(
                Context(), "API_SERVERS_CHANGED", INFORMATION, self.roots, values=servers
            )
        for section, word in (("schemas", "SCHEMAS"), ("securitySchemes", "COMPONENTS_SECURITY")):
            for kind, name, places in self._components(section):
                self.found.add(
                    Context(), f"API_{word}_{kind}", INFORMATION, places, values=(None, name)
                )

    def _components(self, section: str) -> Iterator[tuple[str, str, tuple[Node, Node]]]:
        """Components that came and went, and security schemes that changed."""
        sides = [root.step("components", root.raw("components")) for root in self.roots]
        before, after = (side.members(section) for side in sides)
        for name, node in before.items():
            if name not in after:
                yield "REMOVED", name, (node, self.roots[1])
            elif section == "securitySchemes" and node.value != after[name].value:
                yield "UPDATED", name, (node, after[name])
        for name, node in after.items():
            if name not in before:
                yield "ADDED", name, (self.roots[0], node)


def _items(root: Node) -> dict[str, Item]:
    """The paths by shape; of two that differ in names alone the first one counts."""
    found: dict[str, Item] = {}
    for name, node in root.members("paths", extensions=False).items():
        found.setdefault(shape_of_path(name), Item(name, node))
    return found
