"""JSON Schema (2020-12) judged with one message per wrong field; nothing is fetched.

`jsonschema_rs` judges in linear time (its `regex` engine does not backtrack), so neither a
blueprint's pattern nor a hostile value can stall a process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs

from idp.common.errors import FieldError, Invalid

MAX_SCHEMA = 64_000
MAX_ERRORS = 50
_FIXES = {
    "additionalProperties": "Remove it, or look for a misspelling.",
    "unevaluatedProperties": "Remove it, or look for a misspelling.",
    "required": "Give a value.",
    "uniqueItems": "Remove the duplicate.",
    "minimum": "Use at least {}.",
    "exclusiveMinimum": "Use more than {}.",
    "maximum": "Use at most {}.",
    "exclusiveMaximum": "Use less than {}.",
    **dict.fromkeys(("minLength", "minItems", "minProperties"), "Give at least {}."),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties"), "Give at most {}."),
}


def _dotted(at: str, path: list[str | int]) -> str:
    return ".".join([*([at] if at else []), *map(str, path)])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"  # noqa: PLR2004 - one line of a page


def _fix(kind: Any) -> str:
    """What to do about an error of this kind, with the schema's own values."""
    if kind.name == "enum":
        return f"Use one of {', '.join(_shown(option) for option in kind.options[:20])}."
    if kind.name == "type":
        return f"Use {' or '.join(kind.types)}."
    if kind.name == "const":
        return f"Use {_shown(kind.expected_value)}."
    if kind.name in {"pattern", "format"}:
        return f"It has to match the {kind.name} {getattr(kind, kind.name)}."
    return _FIXES.get(kind.name, "").format(getattr(kind, "limit", ""))


def _field_errors(error: Any, at: str) -> Iterator[FieldError]:
    kind, path = error.kind, list(error.instance_path)
    if kind.name in {"additionalProperties", "unevaluatedProperties"}:
        for name in kind.unexpected:
            message = f"“{str(name)[:60]}” is not known here."
            yield FieldError(_dotted(at, [*path, name]), kind.name, message, _fix(kind))
    elif kind.name == "required":
        name = kind.property
        yield FieldError(_dotted(at, [*path, name]), "required", "A value is needed.", _fix(kind))
    else:
        text = error.message
        message = text if len(text) <= 300 else f"{text[:297]}…"  # noqa: PLR2004 - a page's line
        ended = message if message.endswith((".", "…")) else f"{message}."
        yield FieldError(_dotted(at, path) or "value", kind.name, ended, _fix(kind))


def _compiled(schema: Mapping[str, Any] | bool) -> Any:
    text = json.dumps(schema, sort_keys=True)
    if len(text) > MAX_SCHEMA:
        raise Invalid(f"The schema has {len(text)} characters; {MAX_SCHEMA} are the most.")
    return _validator(text)


@lru_cache(maxsize=256)
def _validator(text: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        json.loads(text),
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000),
    )


def check_schema(schema: Mapping[str, Any], *, at: str = "schema") -> None:
    """Raise `Invalid` where the schema itself is wrong, too large or refers to another file."""
    try:
        _compiled(schema)
    except (ValueError, TypeError, RecursionError) as error:
        path = list(getattr(error, "instance_path", []))
        message = str(getattr(error, "message", error)).splitlines()[0][:300]
        found = FieldError(_dotted(at, path), "schema", message, "Use JSON Schema 2020-12.")
        raise Invalid(f"The schema is not valid: {message}", errors=[found]) from error


def validate(instance: Any, schema: Mapping[str, Any], *, at: str = "parameters") -> None:
    """Raise `Invalid` with one `FieldError` for each wrong field, its path dotted below `at`."""
    check_schema(schema)
    found: list[FieldError] = []
    for error in _compiled(schema).iter_errors(instance):
        found.extend(_field_errors(error, at))
        if len(found) >= MAX_ERRORS:
            break
    if found:
        raise Invalid.of(found)
