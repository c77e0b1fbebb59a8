"""A JSON Schema text as a document: read within bounds, its identifiers and reference targets.

`language` reads texts here; `model` follows `$ref` through a `Library`. Nothing is ever fetched:
a reference leads into the text itself or to a schema that was handed in by name.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin

from schemas.formats.base import MAX_DEPTH, MAX_TEXT, Budget, Dependency, InvalidSchema, TooComplex
from schemas.formats.json.drafts import LISTS, MAPS, REFERENCES, SINGLE, Draft, draft_of
from schemas.utf8 import value_fault

MAX_DEPENDENCIES = 500
_REFERENCES = frozenset(REFERENCES)
_IDENTIFIERS = frozenset({"$id", "id", "$anchor", "$dynamicAnchor"})
MAX_DEPENDENCY_TEXT = 4 * MAX_TEXT


@dataclass(eq=False, slots=True)
class Resource:
    """A schema with a URI of its own: pointers and anchors are relative to it."""

    uri: str
    value: Any
    document: Document
    at: str
    anchors: dict[str, Place] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Place:
    """Where one schema stands."""

    value: Any
    at: str
    resource: Resource

    @property
    def pointer(self) -> str:
        """Into the text that was registered; inside a dependency its name stands before it."""
        name = self.resource.document.name
        return f"{name}#{self.at}" if name else self.at


@dataclass(eq=False, slots=True)
class Document:
    """One text: the registered one has no name, a dependency has the one it is called by."""

    value: Any
    draft: Draft
    name: str = ""


_AS_WRITTEN, _SORTED = (
    json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), sort_keys=sort, allow_nan=False
    ).encode
    for sort in (False, True)
)


def token(name: str | int) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return str(name).replace("~", "~0").replace("/", "~1")


def compact(value: Any, *, sort: bool = False) -> str:
    """Compact JSON, keys as they were written or sorted."""
    return _SORTED(value) if sort else _AS_WRITTEN(value)


def _number(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise ValueError(f"the number {literal[:40]} is too large")
    return value


def _constant(literal: str) -> float:
    raise ValueError(f"{literal} is no JSON number")


def read(text: str) -> Any:
    """The JSON value of a schema's text; raises `InvalidSchema` or `TooComplex`."""
    if len(text) > MAX_TEXT:
        raise TooComplex(f"The schema has {len(text)} characters; {MAX_TEXT} are the most.")
    try:
        value = json.loads(text, parse_float=_number, parse_constant=_constant)
        if not text.isascii() or "\\u" in text:
            compact(value).encode()
    except RecursionError:
        raise too_deep() from None
    except UnicodeEncodeError:
        raise InvalidSchema.at("", "json", "Half of a surrogate pair is no character.") from None
    except ValueError as error:
        raise InvalidSchema.at("", "json", f"Not valid JSON: {value_fault(error)}.") from None
    if not isinstance(value, dict | bool):
        raise InvalidSchema.at("", "type", "A schema is an object, true or false.")
    return value


def too_deep() -> TooComplex:
    """The refusal of text that is nested too deep; the validating engine's limit is near it."""
    return TooComplex(f"The schema is nested more than {MAX_DEPTH} levels deep.")


def children(place: Place) -> Iterator[Place]:
    """The schemas directly inside one."""
    at, resource = place.at, place.resource
    for keyword, value in place.value.items():
        if isinstance(value, dict):
            if keyword in MAPS:
                for name, child in value.items():
                    yield Place(child, f"{at}/{keyword}/{token(name)}", resource)
            elif keyword in SINGLE:
                yield Place(value, f"{at}/{keyword}", resource)
        elif isinstance(value, list) and keyword in LISTS:
            for index, child in enumerate(value):
                yield Place(child, f"{at}/{keyword}/{index}", resource)


class Library:
    """Every schema that a text may refer to: its own and those of its dependencies."""

    def __init__(self, root: Any, dependencies: Sequence[Dependency], budget: Budget) -> None:
        if len(dependencies) > MAX_DEPENDENCIES or _size(dependencies) > MAX_DEPENDENCY_TEXT:
            raise TooComplex(
                f"A schema may refer to {MAX_DEPENDENCIES} others of"
                f" {MAX_DEPENDENCY_TEXT} characters together at most."
            )
        self._budget = budget
        self._places: dict[int, Place] = {}
        self._resources: dict[str, Resource] = {}
        self._waiting: list[tuple[str, str, Place]] = []
        self.documents = [_document(dependency) for dependency in dependencies]
        for document in self.documents:
            self._add(document)
        self.root = self._add(Document(root, draft_of(root)))
        self._check_references()

    def _add(self, document: Document) -> Place:
        resource = Resource(document.name, document.value, document, "")
        if document.name:
            self._resources[document.name] = resource
        place = Place(document.value, "", resource)
        self._walk(place)
        return self.place(document.value) or place

    def _walk(self, start: Place) -> None:
        stack = [start]
        while stack:
            self._budget.spend()
            place = stack.pop()
            schema = place.value
            if not isinstance(schema, dict) or id(schema) in self._places:
                continue
            if not _IDENTIFIERS.isdisjoint(schema):
                place = self._identify(place)
            self._places[id(schema)] = place
            if not _REFERENCES.isdisjoint(schema):
                self._waiting.extend(
                    (keyword, schema[keyword], place)
                    for keyword in REFERENCES
                    if isinstance(schema.get(keyword), str)
                )
            stack.extend(children(place))

    def _identify(self, place: Place) -> Place:
        """The place inside the resource that its own `$id` opens, its anchors noted."""
        schema, resource = place.value, place.resource
        declared = schema.get(resource.document.draft.id_keyword)
        if isinstance(declared, str) and declared and not declared.startswith("#"):
            uri = _join(resource.uri, declared).partition("#")[0]
            resource = Resource(uri, schema, resource.document, place.at)
            place = Place(schema, place.at, resource)
            self._resources.setdefault(uri, resource)
        elif isinstance(declared, str) and declared:
            resource.anchors.setdefault(declared[1:], place)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(keyword), str):
                resource.anchors.setdefault(schema[keyword], place)
        return place

    def _check_references(self) -> None:
        while self._waiting:
            self._budget.spend()
            keyword, reference, place = self._waiting.pop()
            try:
                target = self.target(reference, place)
            except ValueError as error:
                raise InvalidSchema.at(
                    f"{place.pointer}/{keyword}",
                    keyword,
                    f"{reference[:200]!r} leads nowhere: {error}.",
                    "Point into this schema, or register the other and name it in `references`.",
                ) from None
            self._walk(target)

    def place(self, value: Any) -> Place | None:
        """Where a schema object of this library stands."""
        return self._places.get(id(value))

    def target(self, reference: str, place: Place) -> Place:
        """What a reference leads to; raises `ValueError` with the reason when nothing."""
        uri, _, fragment = reference.partition("#")
        resource = self._resource(uri, place) if uri else place.resource
        fragment = unquote(fragment)
        start = self.place(resource.value) or Place(resource.value, resource.at, resource)
        if not fragment:
            return start
        if fragment.startswith("/"):
            return self._descend(start, fragment)
        if fragment in resource.anchors:
            return resource.anchors[fragment]
        raise ValueError(f"no schema here is called {fragment[:100]!r}")

    def _resource(self, uri: str, place: Place) -> Resource:
        for candidate in (_join(place.resource.uri, uri), uri):
            if candidate in self._resources:
                return self._resources[candidate]
        if uri.startswith(("http:", "https:", "file:", "ftp:")):
            raise ValueError("nothing is fetched from elsewhere")
        raise ValueError(f"no reference is named {uri[:100]!r}")

    def _descend(self, place: Place, pointer: str) -> Place:
        for step in pointer.split("/")[1:]:
            self._budget.spend()
            name, value = step.replace("~1", "/").replace("~0", "~"), place.value
            if isinstance(value, dict) and name in value:
                child = value[name]
            elif isinstance(value, list) and name.isdecimal() and int(name[:9]) < len(value):
                child = value[int(name[:9])]
            else:
                raise ValueError(f"there is nothing at {pointer[:200]}")
            place = self.place(child) or Place(child, f"{place.at}/{token(name)}", place.resource)
        if isinstance(place.value, dict | bool):
            return place
        raise ValueError(f"there is no schema at {pointer[:200]}")


def _document(dependency: Dependency) -> Document:
    try:
        value = read(dependency.text)
        return Document(value, draft_of(value), dependency.name)
    except InvalidSchema as error:
        message = f"The reference {dependency.name[:200]!r} is not valid: {error.message}"
        raise InvalidSchema(message, fix=error.fix, errors=error.errors) from None


def _size(dependencies: Sequence[Dependency]) -> int:
    return sum(len(dependency.text) for dependency in dependencies)


def _join(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference
