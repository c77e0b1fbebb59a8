"""Compiled trees of blueprint templates and their evaluation with the facts of one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.common import expressions
from idp.common.errors import FieldError, Invalid

MAX_ITEMS = 100  # of one `$each`
MAX_NODES = 20_000  # of the rendered tree
MAX_TEXT = 10_000  # of one rendered string
DROP = object()  # what a false `$if` or a null leaves: the key is left out


@dataclass(frozen=True)
class Leaf:
    """A string with holes: literal texts and compiled expressions in turn."""

    parts: tuple[str | expressions.Expression, ...]
    path: str

    @property
    def whole(self) -> bool:
        """True when the leaf is one expression, whose value keeps its type."""
        return len(self.parts) == 1


@dataclass(frozen=True)
class Node:
    """A mapping of the template, perhaps under a condition or once for each item."""

    children: Mapping[str, Any]
    path: str
    condition: Leaf | None = None
    each: Leaf | None = None
    name: str = "item"


@dataclass
class Evaluator:
    facts: Mapping[str, Any]
    nodes: int = 0

    def value(self, tree: Any, extra: Mapping[str, Any]) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise Invalid(f"The blueprint renders more than {MAX_NODES} values.")
        if isinstance(tree, Leaf):
            return self.leaf(tree, extra)
        if isinstance(tree, Node):
            made = list(self.expand(tree, extra))
            return made[0] if made else DROP
        if isinstance(tree, list):
            return self.items(tree, extra)
        return tree

    def items(self, tree: list[Any], extra: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = []
        for item in tree:
            if isinstance(item, Node):
                found.extend(self.expand(item, extra))
            elif (value := self.value(item, extra)) is not DROP:
                found.append(value)
        return found

    def expand(self, node: Node, extra: Mapping[str, Any]) -> list[Any]:
        rounds: list[Mapping[str, Any]] = [extra]
        if node.each:
            rounds = [{**extra, node.name: item} for item in self.each(node.each, extra)]
        found = []
        for names in rounds:
            if node.condition and not self.truth(node.condition, names):
                continue
            self.nodes += 1
            values = {key: self.value(child, names) for key, child in node.children.items()}
            found.append({key: value for key, value in values.items() if value is not DROP})
        return found

    def each(self, leaf: Leaf, extra: Mapping[str, Any]) -> list[Any]:
        items = self.leaf(leaf, extra)
        if isinstance(items, Mapping):
            items = [{"key": key, "value": items[key]} for key in sorted(items)]
        if items is DROP:
            items = []
        if not isinstance(items, list):
            raise invalid(leaf.path, "$each takes a list or a map.")
        if len(items) > MAX_ITEMS:
            raise invalid(leaf.path, f"$each takes at most {MAX_ITEMS} items, not {len(items)}.")
        return items

    def truth(self, leaf: Leaf, extra: Mapping[str, Any]) -> bool:
        value = self.leaf(leaf, extra)
        if not isinstance(value, bool):
            raise invalid(leaf.path, "$if takes true or false.")
        return value

    def leaf(self, leaf: Leaf, extra: Mapping[str, Any]) -> Any:
        values = [
            part if isinstance(part, str) else self.evaluate(part, leaf, extra)
            for part in leaf.parts
        ]
        if leaf.whole:
            return DROP if values[0] is None else _plain(values[0])
        text = "".join(_text(value, leaf.path) for value in values)
        if len(text) > MAX_TEXT:
            raise invalid(leaf.path, f"The text is longer than {MAX_TEXT} characters.")
        return text

    def evaluate(
        self, expression: expressions.Expression, leaf: Leaf, extra: Mapping[str, Any]
    ) -> Any:
        facts = {
            name: extra[name] if name in extra else self.facts[name] for name in expression.names
        }
        try:
            return expression.evaluate(facts)
        except Invalid as error:
            raise invalid(leaf.path, error.message) from error


def _text(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise invalid(path, "Only texts and numbers can stand inside a text.")


def _plain(value: Any) -> Any:
    """JSON's types only: what CEL gives beyond them (timestamps, bytes) becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def invalid(path: str, message: str, fix: str = "") -> Invalid:
    where = f"template.{path}"
    return Invalid(
        f"The blueprint's {where}: {message}",
        fix=fix,
        errors=[FieldError(where, "template", message, fix)],
    )
