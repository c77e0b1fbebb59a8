"""A blueprint's parameter schema: judged when saved, filled with its defaults when rendered."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from environments.rendering.document import field_error, nearest
from idp.common import jsonschema
from idp.common.errors import FieldError, Invalid

MAX_PROPERTIES = 60
MAX_DEPTH = 4
TYPES = ("string", "integer", "number", "boolean", "array", "object")
UI_KEYS = frozenset(
    {"group", "widget", "width", "labels", "mono", "placeholder", "caption", "order", "hidden"}
)


def check_schema(schema: Any) -> None:
    """Raise `Invalid` where a parameter schema is no schema, or the form could not show it."""
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise field_error("schema", "type", "The schema describes a map.", "Write type: object.")
    if schema.get("additionalProperties") is not False:
        raise field_error(
            "schema.additionalProperties",
            "closed",
            "Unknown parameters have to be refused.",
            "Write additionalProperties: false.",
        )
    try:
        jsonschema.validate(defaults(schema), {**schema, "required": []}, at="schema.default")
    except Invalid as error:
        raise Invalid(
            f"The schema cannot be used: {error.message}", fix=error.fix, errors=error.errors
        ) from error
    _check_properties(schema, "schema", 0)


def _check_properties(schema: Mapping[str, Any], at: str, depth: int) -> None:
    properties = schema.get("properties", {})
    if depth > MAX_DEPTH or not isinstance(properties, dict) or len(properties) > MAX_PROPERTIES:
        raise field_error(
            at, "size", f"At most {MAX_PROPERTIES} properties, {MAX_DEPTH} levels deep."
        )
    for name, entry in properties.items():
        where = f"{at}.properties.{name}"
        if not isinstance(entry, dict) or entry.get("type") not in TYPES:
            raise field_error(f"{where}.type", "type", f"Use one of {', '.join(TYPES)}.")
        if not isinstance(entry.get("title"), str) and "items" not in at:
            raise field_error(f"{where}.title", "title", "The form needs a title.", "Add title: ….")
        for key in entry.get("x-ui", {}):
            if key not in UI_KEYS:
                fix = nearest(key, sorted(UI_KEYS))
                raise field_error(f"{where}.x-ui.{key}", "unknown", f"“{key}” is no hint.", fix)
        if entry["type"] == "object":
            _check_properties(entry, where, depth + 1)


def defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values that hold where nobody says otherwise."""
    return fill({}, schema)


def fill(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The values with the schema's defaults for what lacks, also inside maps."""
    found = dict(values)
    for name, entry in schema.get("properties", {}).items():
        if name not in found and "default" in entry:
            found[name] = copy.deepcopy(entry["default"])
        if entry.get("type") == "object" and isinstance(found.get(name), dict):
            found[name] = fill(found[name], entry)
    return found


def validated(values: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The filled values; raises `Invalid` with one error each, beside the field it is about."""
    known = schema.get("properties", {})
    wrong = [
        FieldError(
            f"parameters.{name}", "unknown", f"“{name}” is not known.", nearest(name, list(known))
        )
        for name in map(str, values)
        if name not in known
    ]
    full = fill({name: value for name, value in values.items() if name in known}, schema)
    try:
        jsonschema.validate(full, dict(schema), at="parameters")
    except Invalid as error:
        wrong.extend(error.errors)
    if wrong:
        raise Invalid.of(wrong)
    return full
