"""A schema as the comparison sees it: nodes of one kind each, references followed.

A schema with several kinds of keywords at once (`type` beside `enum`, `oneOf` beside
`properties`) is the conjunction of one node per kind, as Confluent's registry takes it. Nodes are
made when they are asked for, so that cycles cost nothing. `rules` compares them, `examples`
builds documents from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schemas.formats.json.document import Document, Library, Place, token
from schemas.formats.json.drafts import REFERENCES, Draft


class Kind(StrEnum):
    ANY = "anything"
    NOTHING = "nothing"
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    NULL = "null"
    ARRAY = "array"
    OBJECT = "object"
    ENUM = "enum"
    CONST = "const"
    NOT = "not"
    CONDITION = "if"
    COMBINED = "combined"


_TYPES = {
    "string": Kind.STRING,
    "number": Kind.NUMBER,
    "integer": Kind.NUMBER,
    "boolean": Kind.BOOLEAN,
    "null": Kind.NULL,
    "array": Kind.ARRAY,
    "object": Kind.OBJECT,
}
# A schema without `type` is judged by what its keywords constrain.
_HINTS: dict[Kind, frozenset[str]] = {
    Kind.ARRAY: frozenset(
        {
            "additionalItems",
            "contains",
            "items",
            "maxItems",
            "minItems",
            "prefixItems",
            "unevaluatedItems",
            "uniqueItems",
        }
    ),
    Kind.OBJECT: frozenset(
        {
            "additionalProperties",
            "dependencies",
            "dependentRequired",
            "dependentSchemas",
            "maxProperties",
            "minProperties",
            "patternProperties",
            "properties",
            "propertyNames",
            "required",
            "unevaluatedProperties",
        }
    ),
    Kind.NUMBER: frozenset(
        {"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"}
    ),
    Kind.STRING: frozenset({"maxLength", "minLength", "pattern"}),
}
# Keywords that a draft does not know are annotations in it.
_SINCE = {
    "const": Draft.SIX,
    "contains": Draft.SIX,
    "propertyNames": Draft.SIX,
    "if": Draft.SEVEN,
    "dependentRequired": Draft.D2019_09,
    "dependentSchemas": Draft.D2019_09,
    "maxContains": Draft.D2019_09,
    "minContains": Draft.D2019_09,
    "unevaluatedItems": Draft.D2019_09,
    "unevaluatedProperties": Draft.D2019_09,
    "prefixItems": Draft.D2020_12,
}
_UNTIL = {"dependencies": Draft.SEVEN, "additionalItems": Draft.D2019_09}
COMBINATIONS = ("allOf", "anyOf", "oneOf")


@dataclass(eq=False, slots=True)
class Node:
    """One kind of constraint at one place.

    `whole` is false for the parts of a conjunction: title, default and the like belong to the
    conjunction itself. `type` is the JSON type's own name (`integer` is a `NUMBER`).
    """

    kind: Kind
    place: Place
    model: Model = field(repr=False)
    type: str = ""
    criterion: str = ""
    whole: bool = True
    _subschemas: tuple[Node, ...] | None = None
    parts: tuple[Node, ...] = ()
    target: Place | None = None  # of a `$ref` beside other keywords, followed when asked for

    @property
    def at(self) -> str:
        return self.place.pointer

    @property
    def draft(self) -> Draft:
        return self.place.resource.document.draft

    def get(self, keyword: str) -> Any:
        """A keyword's value; None when absent or not known to the draft."""
        value = self.place.value
        if not isinstance(value, dict) or not _known(keyword, self.draft):
            return None
        return value.get(keyword)

    def child(self, keyword: str) -> Node | None:
        """The schema under a keyword, if there is one."""
        value = self.get(keyword)
        return self._node(value, f"/{keyword}") if isinstance(value, dict | bool) else None

    def map(self, keyword: str) -> dict[str, Any]:
        """A map of schemas as it was written; without those that are none."""
        found = self.get(keyword)
        if not isinstance(found, dict):
            return {}
        if all(isinstance(value, dict | bool) for value in found.values()):
            return found
        return {name: value for name, value in found.items() if isinstance(value, dict | bool)}

    def named(self, keyword: str, name: str) -> Node:
        """One schema of a map of them."""
        return self._node(self.place.value[keyword][name], f"/{keyword}/{token(name)}")

    def children(self, keyword: str) -> dict[str, Node]:
        """The schemas of a map of them, by name, in order."""
        return {name: self.named(keyword, name) for name in self.map(keyword)}

    def items(self, keyword: str) -> tuple[Node, ...]:
        """The schemas of a list of them."""
        found = self.get(keyword)
        if not isinstance(found, list):
            return ()
        return tuple(
            self._node(value, f"/{keyword}/{index}")
            for index, value in enumerate(found)
            if isinstance(value, dict | bool)
        )

    @property
    def subschemas(self) -> tuple[Node, ...]:
        """Of a combined schema: what it combines."""
        if self._subschemas is None:
            if self.target is not None:
                self._subschemas = (self.model.node(self.target),)
            else:
                self._subschemas = self.parts or self.items(self.criterion)
        return self._subschemas

    def _node(self, value: Any, rest: str) -> Node:
        place = self.model.library.place(value)
        return self.model.node(place or Place(value, self.place.at + rest, self.place.resource))


def _known(keyword: str, draft: Draft) -> bool:
    return draft >= _SINCE.get(keyword, draft) and draft <= _UNTIL.get(keyword, draft)


class Model:
    """The nodes of one schema, each made once."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._nodes: dict[tuple[Document, str], Node] = {}

    @property
    def root(self) -> Node:
        return self.node(self.library.root)

    def node(self, place: Place) -> Node:
        """The node at a place, references followed; an endless chain of them allows anything."""
        passed: dict[tuple[Document, str], None] = {}
        node = self._nodes.get((place.resource.document, place.at))
        while node is None:
            key = (place.resource.document, place.at)
            target = self._reference(place, alone=True)
            if target is None:
                node = self._node_here(place)
            elif key in passed:
                node = Node(Kind.ANY, place, self)
            else:
                place = target
                node = self._nodes.get((place.resource.document, place.at))
            passed[key] = None
        for key in passed:
            self._nodes[key] = node
        return node

    def _reference(self, place: Place, *, alone: bool) -> Place | None:
        """The target of a reference; with `alone` only when nothing beside it counts."""
        schema = place.value
        if not isinstance(schema, dict):
            return None
        draft = place.resource.document.draft
        for keyword in REFERENCES if draft.ref_siblings else REFERENCES[:1]:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                if alone and draft.ref_siblings and next(self._parts(place), None) is not None:
                    return None
                return self.library.target(reference, place)
        return None

    def _node_here(self, place: Place) -> Node:
        if isinstance(place.value, bool):
            return Node(Kind.ANY if place.value else Kind.NOTHING, place, self)
        parts = list(self._parts(place))
        target = self._reference(place, alone=False)
        if target is not None:
            parts.append(Node(Kind.COMBINED, place, self, criterion="allOf", target=target))
        if not parts:
            return Node(Kind.ANY, place, self)
        if len(parts) == 1:
            return parts[0]
        for part in parts:
            part.whole = False
        return Node(Kind.COMBINED, place, self, criterion="allOf", parts=tuple(parts))

    def _parts(self, place: Place) -> Iterator[Node]:
        schema, draft = place.value, place.resource.document.draft
        for criterion in COMBINATIONS:
            if schema.get(criterion):
                yield Node(Kind.COMBINED, place, self, criterion=criterion)
        if isinstance(schema.get("not"), dict | bool):
            yield Node(Kind.NOT, place, self)
        if "const" in schema and _known("const", draft):
            yield Node(Kind.CONST, place, self)
        if "enum" in schema:
            yield Node(Kind.ENUM, place, self)
        yield from self._typed(place, schema, draft)
        if "if" in schema and _known("if", draft):
            yield Node(Kind.CONDITION, place, self)

    def _typed(self, place: Place, schema: Mapping[str, Any], draft: Draft) -> Iterator[Node]:
        declared = schema.get("type")
        if isinstance(declared, str):
            yield Node(_TYPES[declared], place, self, type=declared)
        elif isinstance(declared, list):
            parts = (Node(_TYPES[each], place, self, each, whole=False) for each in declared)
            yield Node(Kind.COMBINED, place, self, criterion="anyOf", parts=tuple(parts))
        else:
            for kind, keywords in _HINTS.items():
                if any(_known(keyword, draft) for keyword in keywords & schema.keys()):
                    yield Node(kind, place, self)
