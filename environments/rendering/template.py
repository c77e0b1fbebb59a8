"""Blueprint templates: a typed tree of YAML whose leaf values may hold CEL, and nothing else.

There is no text templating: a value stays one value, so nothing that a person types can break out
of its place. `compile_template` checks everything that can be known when a blueprint is saved;
`Template.render` evaluates with the facts of one environment. Used by the renderer and the admin.
The language is described in `docs/blueprints.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from environments.rendering.tree import DROP, MAX_ITEMS, Evaluator, Leaf, Node, invalid
from idp.common import expressions, yaml
from idp.common.errors import Invalid

MAX_BYTES = 128_000
MAX_DOCUMENTS = 200
MAX_EXPRESSIONS = 400
MAX_NESTING = 2  # `$each` in `$each`

FACTS = frozenset({"parameters", "environment", "cluster", "account", "workloads", "resources"})
# A workload's own entry is evaluated before `workloads` exists.
EARLY_FACTS = FACTS - {"workloads", "resources"}
SECTIONS = frozenset({"let", "workloads", "resources", "address", "documents"})
WORKLOAD_KEYS = frozenset(
    {"kind", "image", "replicas", "autoscaling", "minReplicas", "maxReplicas", "title"}
)
WORKLOAD_KINDS = ("service", "worker", "cron")
RESOURCE_KINDS = ("Bucket", "Queue", "Topic", "Table", "SecretValue")

_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_NAME = re.compile(r"[a-z][A-Za-z0-9]{0,30}")
_PLAIN = re.compile(r"\s*parameters((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*")


class _Wrong(Exception):
    """A problem at a place of the template; `compile_template` turns it into `Invalid`."""

    def __init__(self, path: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.path, self.message, self.fix = path, message, fix


@dataclass
class _Compiler:
    count: int = 0
    used: set[str] = field(default_factory=set)

    def leaf(self, text: str, names: frozenset[str], path: str) -> Any:
        if "${{" not in text:
            return text
        parts: list[str | expressions.Expression] = []
        position = 0
        for hole in _HOLE.finditer(text):
            if hole.start() > position:
                parts.append(text[position : hole.start()])
            parts.append(self.expression(hole.group(1).strip(), names, path))
            position = hole.end()
        if "${{" in text[position:]:
            raise _Wrong(path, "“${{” is not closed.", "End the expression with “}}”.")
        if position < len(text):
            parts.append(text[position:])
        return Leaf(tuple(parts), path)

    def expression(self, text: str, names: frozenset[str], path: str) -> expressions.Expression:
        self.count += 1
        if self.count > MAX_EXPRESSIONS:
            raise _Wrong(path, f"A template holds at most {MAX_EXPRESSIONS} expressions.")
        try:
            return expressions.compile(text, names)
        except Invalid as error:
            raise _Wrong(path, error.message, error.fix) from error

    def tree(self, value: Any, names: frozenset[str], path: str, nesting: int = 0) -> Any:
        if isinstance(value, str):
            return self.leaf(value, names, path)
        if isinstance(value, list):
            return [
                self.tree(item, names, f"{path}[{index}]", nesting)
                for index, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return self.node(value, names, path, nesting)
        return value

    def node(self, value: dict[Any, Any], names: frozenset[str], path: str, nesting: int) -> Node:
        for key in value:
            if not isinstance(key, str):
                raise _Wrong(path, f"The key {key!r} is no text.", "Put it in quotes.")
            if "${{" in key:
                raise _Wrong(f"{path}.{key}", "An expression stands in a key.", "Use values only.")
            if key.startswith("$") and key not in {"$if", "$each", "$as"}:
                raise _Wrong(f"{path}.{key}", f"“{key}” is not known.", "Use $if, $each and $as.")
        name = str(value.get("$as", "item"))
        if not _NAME.fullmatch(name) or name in names:
            raise _Wrong(f"{path}.$as", f"“{name}” is no free name.", "Use another, like “one”.")
        each = condition = None
        if "$each" in value:
            if nesting >= MAX_NESTING:
                raise _Wrong(path, f"$each stands at most {MAX_NESTING} deep.")
            each = self.whole(value["$each"], names, f"{path}.$each")
            names = names | {name}
            nesting += 1
        if "$if" in value:
            condition = self.whole(value["$if"], names, f"{path}.$if")
        children = {
            key: self.tree(child, names, f"{path}.{key}", nesting)
            for key, child in value.items()
            if not key.startswith("$")
        }
        return Node(children, path, condition, each, name)

    def whole(self, value: Any, names: frozenset[str], path: str) -> Leaf:
        leaf = self.leaf(value, names, path) if isinstance(value, str) else None
        if not isinstance(leaf, Leaf) or not leaf.whole:
            raise _Wrong(path, "This takes one expression.", "Write “${{ … }}” and nothing else.")
        return leaf


@dataclass(frozen=True)
class Template:
    """A compiled template; `resource_kinds` is empty where environments may have none."""

    variables: Mapping[str, Any]
    workloads: Mapping[str, Any]
    resource_kinds: tuple[str, ...]
    max_resources: int
    address: Any
    documents: list[Any]

    def workload_entries(self, facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Each workload's entry by this environment's parameters; overrides come afterwards."""
        evaluator = Evaluator(facts)
        found = {name: evaluator.value(node, {}) for name, node in self.workloads.items()}
        return {name: entry for name, entry in found.items() if entry is not DROP}

    def render(self, facts: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
        """The documents and the address (empty where the blueprint gives none)."""
        evaluator = Evaluator(facts)
        extra: dict[str, Any] = {}
        for name, tree in self.variables.items():
            value = evaluator.value(tree, extra)
            extra[name] = None if value is DROP else value
        documents = evaluator.items(self.documents, extra)
        if len(documents) > MAX_DOCUMENTS:
            raise Invalid(
                f"The blueprint renders {len(documents)} documents; {MAX_DOCUMENTS} is most."
            )
        address = evaluator.value(self.address, extra)
        return documents, address if isinstance(address, str) else ""

    def source_of(self, workload: str, key: str) -> tuple[str, ...]:
        """The path below `parameters` that alone gives a workload's field; () where none does.

        "Set image" and "scale" then edit that parameter, where a person would look for it.
        """
        node = self.workloads.get(workload)
        leaf = node.children.get(key) if isinstance(node, Node) else None
        if not isinstance(leaf, Leaf) or not leaf.whole or isinstance(leaf.parts[0], str):
            return ()
        plain = _PLAIN.fullmatch(leaf.parts[0].text)
        return tuple(plain.group(1)[1:].split(".")) if plain else ()


def compile_template(text: str) -> Template:
    """The template, checked; raises `Invalid` that names the place, the rule and the way out."""
    if len(text.encode()) > MAX_BYTES:
        raise invalid("", f"It is longer than {MAX_BYTES} bytes.")
    raw = yaml.load(text, max_bytes=MAX_BYTES, max_depth=40)
    try:
        return _compile(raw)
    except _Wrong as wrong:
        raise invalid(wrong.path, wrong.message, wrong.fix) from wrong


def _compile(raw: Any) -> Template:
    if not isinstance(raw, dict) or not isinstance(raw.get("documents"), list):
        raise _Wrong("documents", "A template is a map with a list “documents”.")
    if unknown := set(raw) - SECTIONS:
        name = min(map(str, unknown))
        raise _Wrong(name, f"“{name}” is not known.", f"Use {', '.join(sorted(SECTIONS))}.")
    compiler = _Compiler()
    names, variables = FACTS, {}
    for name, value in _mapping(raw, "let").items():
        if not _NAME.fullmatch(str(name)) or name in names:
            raise _Wrong(f"let.{name}", f"“{name}” is no free name.", "Use another, like “sizes”.")
        variables[name] = compiler.tree(value, names, f"let.{name}")
        names |= {name}
    kinds, most = _resources(raw)
    return Template(
        variables=variables,
        workloads=_workloads(raw, compiler),
        resource_kinds=kinds,
        max_resources=most,
        address=compiler.tree(raw.get("address", ""), names, "address"),
        documents=[
            compiler.tree(_document(item, index), names, f"documents[{index}]")
            for index, item in enumerate(raw["documents"])
        ],
    )


def _mapping(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise _Wrong(key, "This takes a map.")
    return value


def _document(item: Any, index: int) -> Any:
    if not isinstance(item, dict) or not {"apiVersion", "kind", "metadata"} <= set(item):
        raise _Wrong(f"documents[{index}]", "A document needs apiVersion, kind and metadata.")
    return item


def _workloads(raw: dict[str, Any], compiler: _Compiler) -> dict[str, Any]:
    found = {}
    for name, entry in _mapping(raw, "workloads").items():
        path = f"workloads.{name}"
        if not isinstance(entry, dict) or "image" not in entry:
            raise _Wrong(path, "A workload needs an image.", "Write image: ${{ parameters.image }}")
        if unknown := set(entry) - WORKLOAD_KEYS - {"$if"}:
            raise _Wrong(path, f"“{min(map(str, unknown))}” is not known.")
        if entry.get("kind", "service") not in WORKLOAD_KINDS:
            raise _Wrong(f"{path}.kind", f"Use one of {', '.join(WORKLOAD_KINDS)}.")
        found[name] = compiler.tree(entry, EARLY_FACTS, path)
    return found


def _resources(raw: dict[str, Any]) -> tuple[tuple[str, ...], int]:
    section = _mapping(raw, "resources")
    kinds = section.get("kinds", [])
    for kind in kinds:
        if kind not in RESOURCE_KINDS:
            raise _Wrong("resources.kinds", f"“{kind}” is not known.", ", ".join(RESOURCE_KINDS))
    most = section.get("max", 20)
    if not isinstance(most, int) or not 0 <= most <= MAX_ITEMS:
        raise _Wrong("resources.max", f"Use a number from 0 to {MAX_ITEMS}.")
    return tuple(kinds), most
