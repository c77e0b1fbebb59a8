"""An OpenAPI text as a document: read within bounds, and walked with every `$ref` followed.

`language` reads texts here; the checks and comparisons see `Node`s. Nothing is ever fetched: a
reference leads into the text itself or to a schema that was handed in by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import yaml as pyyaml

from idp.common import yaml
from idp.common.errors import Invalid
from schemas.formats.base import (
    MAX_DEPTH,
    MAX_TEXT,
    Dependency,
    InvalidSchema,
    TooComplex,
)
from schemas.formats.json.document import read as read_json
from schemas.formats.json.document import token

MAX_NODES = 100_000  # of a YAML text, aliases expanded
MAX_DEPENDENCIES = 200
MAX_DEPENDENCY_TEXT = 4 * MAX_TEXT
_MAX_HOPS = 50  # from one reference to the next
_BOUNDS = frozenset({"size", "depth"})


class UnresolvedError(InvalidSchema):
    """A reference leads nowhere; the message says why."""


# -- reading ------------------------------------------------------------------------------


def read(text: str) -> Any:
    """The value of a JSON or YAML text; raises `InvalidSchema` or `TooComplex`."""
    if len(text) > MAX_TEXT:
        raise TooComplex(f"The text has {len(text):,} characters; {MAX_TEXT:,} are the most.")
    value = read_json(text) if text.lstrip()[:1] in {"{", ""} else _read_yaml(text)
    _check_size(value)
    return value


def _read_yaml(text: str) -> Any:
    try:
        return _load(text)
    except Invalid as error:
        if not any(found.rule == "keys" for found in error.errors):
            raise _refusal(error) from None
    try:
        return _load(_quote_numbers(text))
    except Invalid as error:
        raise _refusal(error) from None


def _load(text: str) -> Any:
    return yaml.load(text, max_bytes=4 * MAX_TEXT, max_depth=MAX_DEPTH, max_nodes=MAX_NODES)


def _refusal(error: Invalid) -> Invalid:
    if any(found.rule in _BOUNDS for found in error.errors):
        return TooComplex(error.message, fix=error.fix)
    return InvalidSchema(error.message, fix=error.fix, errors=error.errors)


def _quote_numbers(text: str) -> str:
    """The text with status codes that stand as bare numbers for keys in quotes.

    Nearly every OpenAPI text in YAML has `200:`; the reader takes text keys alone.
    """
    lines = text.split("\n")
    spots = [
        (line, column, end)
        for line, column, end in _number_keys(text)
        if line < len(lines) and lines[line][column:end].isdecimal()
    ]
    for line, column, end in reversed(spots):
        row = lines[line]
        lines[line] = f'{row[:column]}"{row[column:end]}"{row[end:]}'
    return "\n".join(lines)


def _number_keys(text: str) -> Iterator[tuple[int, int, int]]:
    """Line and columns of every key that is a bare number; the text has been read before."""
    expects_key: list[bool | None] = []  # of each open collection; None: a list
    for event in pyyaml.parse(text, Loader=pyyaml.CSafeLoader):
        if isinstance(event, pyyaml.CollectionEndEvent):
            expects_key.pop()
        if isinstance(event, pyyaml.ScalarEvent) and expects_key and expects_key[-1]:
            yield from _number_span(event)
        if isinstance(event, pyyaml.NodeEvent | pyyaml.CollectionEndEvent):
            opened = isinstance(event, pyyaml.CollectionStartEvent)
            if not opened and expects_key and expects_key[-1] is not None:
                expects_key[-1] = not expects_key[-1]
            if opened:
                expects_key.append(True if isinstance(event, pyyaml.MappingStartEvent) else None)


def _number_span(event: pyyaml.ScalarEvent) -> Iterator[tuple[int, int, int]]:
    start, end = event.start_mark, event.end_mark
    if start is None or end is None or start.line != end.line:
        return
    if not event.style and event.value.isdecimal():
        yield start.line, start.column, end.column


def _check_size(value: Any) -> None:
    """Bound the depth, and the characters that aliases expand to."""
    stack, size = [(value, 1)], 0
    while stack:
        current, depth = stack.pop()
        size += 1 + (len(current) if isinstance(current, str) else 0)
        if depth > MAX_DEPTH:
            raise TooComplex(f"The text is nested more than {MAX_DEPTH} levels deep.")
        if size > 2 * MAX_TEXT:
            raise TooComplex("The text expands to too many characters.")
        if isinstance(current, dict):
            size += sum(map(len, current))
            stack.extend((child, depth + 1) for child in current.values())
        elif isinstance(current, list):
            stack.extend((child, depth + 1) for child in current)


# -- walking ------------------------------------------------------------------------------


@dataclass(eq=False)
class Document:
    """One text: the registered one has no name, a dependency has the one it is called by."""

    value: Any
    name: str = ""
    library: dict[str, Document] = field(default_factory=dict, repr=False)
    merged: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)
    targets: dict[str, Node] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> Node:
        return Node(self.value, "", self)

    @property
    def siblings_count(self) -> bool:
        """From 3.1 on, keywords beside a schema's `$ref` hold as well."""
        version = self.value.get("openapi") if isinstance(self.value, dict) else None
        return not str(version).startswith("3.0")


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """A value and where it stands. `called`: the reference that led here."""

    value: Any
    at: str
    document: Document
    called: str = ""

    @property
    def pointer(self) -> str:
        """Into the text that was registered; inside a dependency its name stands before it."""
        return f"{self.document.name}#{self.at}" if self.document.name else self.at

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def raw(self, key: str, default: Any = None) -> Any:
        """The plain value of a member."""
        return self.value.get(key, default) if isinstance(self.value, dict) else default

    def text(self, key: str) -> str:
        value = self.raw(key)
        return value if isinstance(value, str) else ""

    def step(self, key: str | int, value: Any) -> Node:
        """A member as it is written, references not followed."""
        return Node(value, f"{self.at}/{token(key)}", self.document)

    def get(self, key: str) -> Node | None:
        """A member, its reference followed; None when there is none."""
        if key not in self:
            return None
        return resolve(self.step(key, self.value[key]))

    def members(self, key: str = "", *, extensions: bool = True) -> dict[str, Node]:
        """The members of an object, or of the object below a key, references followed.

        Without `extensions`, those that begin with `x-` are left out.
        """
        holder = self.step(key, self.raw(key)) if key else self
        if not isinstance(holder.value, dict):
            return {}
        return {
            name: resolve(holder.step(name, child))
            for name, child in holder.value.items()
            if extensions or not name.startswith("x-")
        }

    def entries(self, key: str) -> list[Node]:
        """The entries of the list below a key, references followed."""
        value = self.raw(key)
        if not isinstance(value, list):
            return []
        holder = self.step(key, value)
        return [resolve(holder.step(index, child)) for index, child in enumerate(value)]


def resolve(node: Node) -> Node:
    """What a node's reference leads to, or the node; raises `UnresolvedError`."""
    called = ""
    for _ in range(_MAX_HOPS):
        reference = node.value.get("$ref") if isinstance(node.value, dict) else None
        if not isinstance(reference, str):
            return Node(node.value, node.at, node.document, called) if called else node
        target = _target(reference, node.document)
        called = called or reference
        node = _with_siblings(node, target)
    raise UnresolvedError("the references go in a circle")


def _with_siblings(node: Node, target: Node) -> Node:
    """The target with the keywords that stand beside the reference laid over it."""
    document = node.document
    beside = {key for key in node.value if key not in {"$ref", "summary", "description"}}
    if not beside or not document.siblings_count or not isinstance(target.value, dict):
        return target
    merged = document.merged.get(id(node.value))
    if merged is None:
        merged = {**target.value, **{key: node.value[key] for key in beside}}
        document.merged[id(node.value)] = merged
    return Node(merged, target.at, target.document)


def _target(reference: str, document: Document) -> Node:
    known = document.targets.get(reference)
    if known is None:
        known = document.targets[reference] = _found(reference, document)
    return known


def _found(reference: str, document: Document) -> Node:
    name, _, fragment = reference.partition("#")
    if name:
        document = _named(name, document)
    node = document.root
    if fragment and not fragment.startswith("/"):
        raise UnresolvedError("only JSON pointers are followed (#/components/…)")
    for step in fragment.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        value = node.value
        if isinstance(value, dict) and key in value:
            node = node.step(key, value[key])
        elif isinstance(value, list) and key.isdecimal() and int(key[:9]) < len(value):
            node = node.step(int(key[:9]), value[int(key[:9])])
        else:
            raise UnresolvedError("there is nothing")
    return node


def _named(name: str, document: Document) -> Document:
    for candidate in (name, name.removeprefix("./")):
        if candidate in document.library:
            return document.library[candidate]
    raise UnresolvedError("files and addresses are not fetched")


def assemble(text: str, dependencies: Sequence[Dependency]) -> Document:
    """The text as a document that knows its dependencies by name."""
    if len(dependencies) > MAX_DEPENDENCIES or (
        sum(len(dependency.text) for dependency in dependencies) > MAX_DEPENDENCY_TEXT
    ):
        raise TooComplex(
            f"A text may refer to {MAX_DEPENDENCIES} others of {MAX_DEPENDENCY_TEXT:,}"
            " characters together at most."
        )
    library: dict[str, Document] = {}
    for dependency in dependencies:
        try:
            value = read(dependency.text)
        except InvalidSchema as error:
            message = f"The reference {dependency.name[:200]!r} is not valid: {error.message}"
            raise InvalidSchema(message, fix=error.fix, errors=error.errors) from None
        library[dependency.name] = Document(value, dependency.name, library)
    return Document(read(text), "", library)
