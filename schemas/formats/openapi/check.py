"""Whether a document is an OpenAPI description: a typed walk that follows every reference.

`language` calls it once for each text. What it has passed has the types that the comparison
relies on, wherever a reference may lead; the comparison asks no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from idp.common.errors import FieldError
from schemas.formats.base import Budget, InvalidSchema, TooComplex
from schemas.formats.openapi.document import Document, Node, UnresolvedError, resolve

MAX_OPERATIONS = 5_000
MAX_ERRORS = 50
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_VERSION = re.compile(r"3\.[01]\.\d{1,3}(-\w{1,20})?")
_STATUS = re.compile(r"[1-5]\d\d|[1-5]XX|default", re.IGNORECASE)
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_PLACES = frozenset({"path", "query", "header", "cookie"})

NUMBERS = (
    "maximum", "minimum", "multipleOf", "maxLength", "minLength", "maxItems", "minItems",
    "maxProperties", "minProperties", "minContains", "maxContains",
)  # fmt: skip
SINGLE = (
    "items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames",
    "unevaluatedItems", "unevaluatedProperties", "contentSchema",
)  # fmt: skip
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
MAPS = ("properties", "patternProperties", "dependentSchemas", "$defs")
_FLAGS = ("nullable", "readOnly", "writeOnly", "deprecated", "uniqueItems")
_TEXTS = ("format", "pattern", "title", "contentMediaType", "contentEncoding")


class Kind(Enum):
    """What a place has to hold."""

    PATH_ITEM = "a path item"
    OPERATION = "an operation"
    PARAMETER = "a parameter"
    BODY = "a request body"
    RESPONSE = "a response"
    HEADER = "a header"
    MEDIA = "a media type"
    CALLBACK = "a callback"
    SCHEMA = "a schema"


_COMPONENTS = {
    "schemas": Kind.SCHEMA,
    "responses": Kind.RESPONSE,
    "parameters": Kind.PARAMETER,
    "requestBodies": Kind.BODY,
    "headers": Kind.HEADER,
    "callbacks": Kind.CALLBACK,
    "pathItems": Kind.PATH_ITEM,
}


def check(document: Document, budget: Budget) -> None:
    """Raises `InvalidSchema` with a pointer for every error, or `TooComplex`."""
    errors = Checker(budget).run(document)
    if errors:
        raise InvalidSchema.of(errors)


class Checker:
    """One walk; a place that references lead to is checked once for each kind it has to be."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.errors: list[FieldError] = []
        self.operations = 0
        self._waiting: list[tuple[Kind, Node]] = []
        self._seen: set[tuple[Kind, int, str]] = set()
        self._rules: dict[Kind, Callable[[Node], None]] = {
            Kind.PATH_ITEM: self._path_item,
            Kind.OPERATION: self._operation,
            Kind.PARAMETER: self._parameter,
            Kind.BODY: self._body,
            Kind.RESPONSE: self._response,
            Kind.HEADER: self._header,
            Kind.MEDIA: self._media,
            Kind.CALLBACK: self._callback,
            Kind.SCHEMA: self._schema,
        }

    def run(self, document: Document) -> list[FieldError]:
        self._root(document.root)
        while self._waiting and len(self.errors) < MAX_ERRORS:
            self.budget.spend()
            kind, node = self._waiting.pop()
            if kind is Kind.SCHEMA and isinstance(node.value, bool):
                continue
            if self._is(node, dict, kind.value):
                self._rules[kind](node)
        return self.errors

    # -- helpers --------------------------------------------------------------------------

    def error(self, node: Node, rule: str, message: str, fix: str = "") -> None:
        self.errors.append(FieldError(node.pointer or "/", rule, message, fix))

    def _is(self, node: Node, kind: type | tuple[type, ...], name: str) -> bool:
        if isinstance(node.value, kind):
            return True
        self.error(node, "type", f"This has to be {name}.")
        return False

    def _visit(self, kind: Kind, node: Node) -> None:
        """Check a place later, where its reference leads."""
        try:
            target = resolve(node)
        except UnresolvedError as error:
            reference = str(node.value.get("$ref"))[:200]
            self.error(
                node,
                "reference",
                f"“{reference}” leads nowhere: {error}.",
                "Point into this document, or register the other and name it as a reference.",
            )
            return
        key = (kind, id(target.value), target.at)
        if key not in self._seen:
            self._seen.add(key)
            self._waiting.append((kind, target))

    def _map(self, node: Node, key: str, kind: Kind, *, extensions: bool = True) -> None:
        """Check every member of an object; without `extensions`, none that begins with `x-`."""
        holder = self._member(node, key, dict, "an object")
        if holder is None:
            return
        for name, child in holder.value.items():
            if extensions or not name.startswith("x-"):
                self._visit(kind, holder.step(name, child))

    def _list(self, node: Node, key: str, kind: Kind) -> None:
        holder = self._member(node, key, list, "a list")
        if holder is not None:
            for index, child in enumerate(holder.value):
                self._visit(kind, holder.step(index, child))

    def _member(self, node: Node, key: str, kind: type, name: str) -> Node | None:
        if key not in node:
            return None
        holder = node.step(key, node.value[key])
        return holder if self._is(holder, kind, name) else None

    def _members(self, node: Node, keys: Iterable[str], kind: Any, name: str) -> None:
        """Members that have to be of a plain type where they are there."""
        for key in keys:
            if key in node:
                self._is(node.step(key, node.value[key]), kind, name)

    def _texts(self, node: Node, key: str) -> list[str]:
        holder = self._member(node, key, list, "a list")
        found = holder.value if holder else []
        for index, entry in enumerate(found):
            if not isinstance(entry, str):
                self.error(node.step(key, found).step(index, entry), "type", "This has to be text.")
                return []
        return found

    # -- the document ---------------------------------------------------------------------

    def _root(self, root: Node) -> None:
        if not self._is(root, dict, "an object"):
            return
        version = root.raw("openapi")
        if not isinstance(version, str) or not _VERSION.fullmatch(version):
            self.error(
                root.step("openapi", version),
                "version",
                "OpenAPI 3.0 and 3.1 are read; this is neither.",
                "Write `openapi: 3.1.0` (quoted in YAML if it has one dot).",
            )
            return
        self._info(root)
        if version.startswith("3.0") and "paths" not in root:
            self.error(root, "paths", "The description has no `paths`.")
        self._paths(root)
        self._map(root, "webhooks", Kind.PATH_ITEM, extensions=False)
        self._security(root)
        components = self._member(root, "components", dict, "an object")
        if components:
            for key, kind in _COMPONENTS.items():
                self._map(components, key, kind)
            self._security_schemes(components)

    def _info(self, root: Node) -> None:
        info = root.step("info", root.raw("info"))
        if not self._is(info, dict, "an object with `title` and `version`"):
            return
        for key in ("title", "version"):
            self._is(info.step(key, info.raw(key)), str, "text")

    def _paths(self, root: Node) -> None:
        paths = self._member(root, "paths", dict, "an object")
        for name, child in paths.value.items() if paths else ():
            place = root.step("paths", {}).step(name, child)
            if name.startswith("/"):
                self._visit(Kind.PATH_ITEM, place)
            elif not name.startswith("x-"):
                self.error(place, "path", "A path begins with a slash.")

    def _path_item(self, node: Node) -> None:
        self._list(node, "parameters", Kind.PARAMETER)
        for method in METHODS:
            if method in node:
                self._visit(Kind.OPERATION, node.step(method, node.value[method]))

    def _operation(self, node: Node) -> None:
        self.operations += 1
        if self.operations > MAX_OPERATIONS:
            raise TooComplex(f"The description has more than {MAX_OPERATIONS:,} operations.")
        self._members(node, ("operationId",), str, "text")
        self._members(node, ("deprecated",), bool, "true or false")
        self._texts(node, "tags")
        self._list(node, "parameters", Kind.PARAMETER)
        if "requestBody" in node:
            self._visit(Kind.BODY, node.step("requestBody", node.value["requestBody"]))
        self._responses(node)
        self._map(node, "callbacks", Kind.CALLBACK, extensions=False)
        self._security(node)

    def _responses(self, node: Node) -> None:
        holder = self._member(node, "responses", dict, "an object")
        for status, child in holder.value.items() if holder else ():
            place = node.step("responses", {}).step(status, child)
            if _STATUS.fullmatch(status):
                self._visit(Kind.RESPONSE, place)
            elif not status.startswith("x-"):
                self.error(place, "status", "This is no status: 200, 4XX and default are.")

    def _callback(self, node: Node) -> None:
        for name, child in node.value.items():
            if not name.startswith("x-"):
                self._visit(Kind.PATH_ITEM, node.step(name, child))

    # -- requests and responses -----------------------------------------------------------

    def _parameter(self, node: Node) -> None:
        name, place = node.raw("name"), node.raw("in")
        if not isinstance(name, str) or not name:
            self.error(node, "name", "A parameter has a `name`.")
        if not isinstance(place, str) or place not in _PLACES:
            self.error(node, "in", "A parameter is `in` path, query, header or cookie.")
        self._members(node, ("style",), str, "text")
        self._members(node, ("explode", "allowReserved"), bool, "true or false")
        self._header(node)

    def _header(self, node: Node) -> None:
        self._members(node, ("required", "deprecated"), bool, "true or false")
        if "schema" in node and "content" in node:
            self.error(node, "content", "`schema` and `content` exclude each other.")
        self._one(node, "schema")
        self._map(node, "content", Kind.MEDIA)

    def _body(self, node: Node) -> None:
        self._members(node, ("required",), bool, "true or false")
        self._map(node, "content", Kind.MEDIA)

    def _response(self, node: Node) -> None:
        self._map(node, "headers", Kind.HEADER)
        self._map(node, "content", Kind.MEDIA)

    def _media(self, node: Node) -> None:
        self._one(node, "schema")

    def _one(self, node: Node, key: str) -> None:
        if key in node:
            self._visit(Kind.SCHEMA, node.step(key, node.value[key]))

    # -- security -------------------------------------------------------------------------

    def _security(self, node: Node) -> None:
        holder = self._member(node, "security", list, "a list")
        for index, entry in enumerate(holder.value if holder else ()):
            place = node.step("security", []).step(index, entry)
            if self._is(place, dict, "an object of schemes"):
                for name in entry:
                    self._texts(place, name)

    def _security_schemes(self, components: Node) -> None:
        holder = self._member(components, "securitySchemes", dict, "an object")
        for name, child in holder.value.items() if holder else ():
            place = components.step("securitySchemes", {}).step(name, child)
            try:
                self._is(resolve(place), dict, "a security scheme")
            except UnresolvedError as error:
                self.error(place, "reference", f"The reference leads nowhere: {error}.")

    # -- schemas --------------------------------------------------------------------------

    def _schema(self, node: Node) -> None:
        self._type(node)
        self._members(node, NUMBERS, (int, float), "a number")
        self._members(node, ("exclusiveMaximum", "exclusiveMinimum"), (int, float), "a number")
        self._members(node, _FLAGS, bool, "true or false")
        self._members(node, _TEXTS, str, "text")
        self._members(node, ("enum", "x-extensible-enum"), list, "a list")
        self._members(node, ("discriminator", "dependentRequired"), dict, "an object")
        if isinstance(node.raw("required"), bool):
            self.error(
                node.step("required", node.value["required"]),
                "required",
                "`required` is a list of property names here.",
                "Name the property in the `required` list of the object that has it.",
            )
        else:
            self._texts(node, "required")
        required = node.raw("dependentRequired")
        if isinstance(required, dict):
            for name in required:
                self._texts(node.step("dependentRequired", required), name)
        for key in MAPS:
            self._map(node, key, Kind.SCHEMA)
        for key in LISTS:
            self._list(node, key, Kind.SCHEMA)
        for key in SINGLE:
            self._one(node, key)

    def _type(self, node: Node) -> None:
        if "type" not in node:
            return
        value = node.value["type"]
        found = value if isinstance(value, list) else [value]
        if not found or not all(isinstance(name, str) and name in _TYPES for name in found):
            self.error(
                node.step("type", value), "type", f"A type is one of {', '.join(sorted(_TYPES))}."
            )
