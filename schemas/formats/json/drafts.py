"""The drafts of JSON Schema that a text may name, and which keywords hold schemas in them.

`document` walks schemas by these tables; `model` asks which keywords a draft knows.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from schemas.formats.base import InvalidSchema


class Draft(IntEnum):
    """In order of publication, so that `>=` reads as “at least”."""

    FOUR = 4
    SIX = 6
    SEVEN = 7
    D2019_09 = 2019
    D2020_12 = 2020

    @property
    def id_keyword(self) -> str:
        return "id" if self is Draft.FOUR else "$id"

    @property
    def ref_siblings(self) -> bool:
        """Keywords beside `$ref` count from 2019-09 on; before, they are ignored."""
        return self >= Draft.D2019_09

    @property
    def tuple_keyword(self) -> str:
        return "prefixItems" if self is Draft.D2020_12 else "items"


DEFAULT = Draft.SEVEN  # as Confluent's registry takes a text without `$schema`
_URIS = {
    "json-schema.org/draft-04/schema": Draft.FOUR,
    "json-schema.org/draft-06/schema": Draft.SIX,
    "json-schema.org/draft-07/schema": Draft.SEVEN,
    "json-schema.org/schema": DEFAULT,
    "json-schema.org/draft/2019-09/schema": Draft.D2019_09,
    "json-schema.org/draft/2020-12/schema": Draft.D2020_12,
}
META_SCHEMAS = {
    Draft.FOUR: "http://json-schema.org/draft-04/schema#",
    Draft.SIX: "http://json-schema.org/draft-06/schema#",
    Draft.SEVEN: "http://json-schema.org/draft-07/schema#",
    Draft.D2019_09: "https://json-schema.org/draft/2019-09/schema",
    Draft.D2020_12: "https://json-schema.org/draft/2020-12/schema",
}

SINGLE = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
LISTS = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
MAPS = frozenset(
    {
        "$defs",
        "definitions",
        "dependencies",
        "dependentSchemas",
        "patternProperties",
        "properties",
    }
)
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


def draft_of(schema: Any) -> Draft:
    """The draft that `$schema` names; raises `InvalidSchema` for one that is not known."""
    declared = schema.get("$schema") if isinstance(schema, dict) else None
    if declared is None:
        return DEFAULT
    uri = declared.rstrip("#") if isinstance(declared, str) else ""
    known = _URIS.get(uri.removeprefix("https://").removeprefix("http://"))
    if known is None:
        raise InvalidSchema.at(
            "/$schema",
            "$schema",
            f"{str(declared)[:100]!r} is no draft that is known here.",
            "Use draft 4, 6, 7, 2019-09 or 2020-12, or leave `$schema` out for draft 7.",
        )
    return known
