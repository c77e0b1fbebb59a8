"""A schema compiled for checking documents, and the refusals that compiling it gives.

The engine is `jsonschema_rs`, offline: it reads the meta-schema, every pattern and every
reference. `language` compiles each schema once; `records` checks documents with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import jsonschema_rs

from idp.common.errors import Invalid
from schemas.formats.base import InvalidSchema
from schemas.formats.json.document import Document, Library, Place, compact, token, too_deep
from schemas.formats.json.drafts import META_SCHEMAS, REFERENCES, Draft
from schemas.formats.json.patterns import BOUNDED, LINEAR

_VALIDATORS = {
    Draft.FOUR: jsonschema_rs.Draft4Validator,
    Draft.SIX: jsonschema_rs.Draft6Validator,
    Draft.SEVEN: jsonschema_rs.Draft7Validator,
    Draft.D2019_09: jsonschema_rs.Draft201909Validator,
    Draft.D2020_12: jsonschema_rs.Draft202012Validator,
}
_LINE = 300  # characters of a message
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


@dataclass(frozen=True)
class Compiled:
    """The engine's form of a schema; `backtracks` when a pattern needs its slower engine."""

    validator: Any
    backtracks: bool


def compiled(library: Library) -> Compiled:
    """The compiled schema; raises `InvalidSchema` where its meta-schema refuses it."""
    if not library.documents:
        return _compile(library.root.value, library.root.resource.document)
    for document in library.documents:
        _check(document)
    return _bundle(library)


def _check(document: Document) -> None:
    """A dependency on its own, for a refusal that names it and the place in it."""
    try:
        if isinstance(document.value, dict):
            declared = {"$schema": META_SCHEMAS[document.draft]}
            jsonschema_rs.meta.validate({**document.value, **declared})
    except ValueError as error:
        raise _refusal(error, document.name) from None


def _compile(value: Any, document: Document, **more: Any) -> Compiled:
    build, refused = _VALIDATORS[document.draft], None
    for options in (LINEAR, BOUNDED):
        try:
            checker = build(value, offline=True, pattern_options=options, **more)
        except ValueError as error:
            refused = error
        else:
            return Compiled(checker, backtracks=options is BOUNDED)
    raise _refusal(refused, document.name)


def _bundle(library: Library) -> Compiled:
    """With dependencies: every text under a URI of its own, every reference leading there."""
    documents = [*library.documents, library.root.resource.document]
    uris = {document: f"schema:///{index}" for index, document in enumerate(documents)}
    copies = {document: _absolute(document, library, uris) for document in documents}
    resources = [(uris[document], copies[document]) for document in library.documents]
    registry = jsonschema_rs.Registry(resources, draft=jsonschema_rs.Draft7)
    root = documents[-1]
    return _compile(copies[root], root, registry=registry, base_uri=uris[root])


def _absolute(document: Document, library: Library, uris: dict[Document, str]) -> Any:
    """A copy of a text whose references are URIs and pointers, its own identifiers left out."""
    copy = json.loads(compact(document.value))
    stack = [(document.value, copy)]
    while stack:
        value, mine = stack.pop()
        place = library.place(value)
        if place is not None:
            _rewrite(mine, place, library, uris)
        if isinstance(value, dict):
            stack.extend((child, mine[key]) for key, child in value.items() if key in mine)
        elif isinstance(value, list):
            stack.extend(zip(value, mine, strict=True))
    return copy


def _rewrite(
    copy: dict[str, Any], place: Place, library: Library, uris: dict[Document, str]
) -> None:
    for keyword in REFERENCES:
        if isinstance(copy.get(keyword), str):
            target = library.target(copy.pop(keyword), place)
            uri = uris[target.resource.document]
            copy["$ref"] = f"{uri}#{quote(target.at)}"
    for keyword in ("$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor"):
        if isinstance(copy.get(keyword), str | bool):
            del copy[keyword]


def _refusal(error: Any, name: str) -> Invalid:
    if "ecursion limit" in str(error):
        return too_deep()
    pointer = "".join(f"/{token(step)}" for step in getattr(error, "instance_path", []))
    rule = str(getattr(getattr(error, "kind", None), "name", "schema"))
    message, fix = str(getattr(error, "message", error)).splitlines()[0], ""
    if pointer.endswith("/type") and rule in {"anyOf", "enum"}:
        message, fix = (
            "This is no JSON type.",
            f"Use one of {', '.join(_TYPES)}, or a list of them.",
        )
    return InvalidSchema.at(f"{name}#{pointer}" if name else pointer, rule, message[:_LINE], fix)
