"""Documents checked against a schema: one error per wrong place, with its pointer.

The data check of the pages and of the API call it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from idp.common.errors import FieldError
from schemas.formats.json.cost import check_cost
from schemas.formats.json.document import compact, token, too_deep
from schemas.formats.json.language import JsonSchema
from schemas.utf8 import value_fault

MAX_ERRORS = 50
_LINE = 300  # characters of a message
_VALUE = 60  # characters of a value inside a sentence
_OPTIONS = 20  # values of an enum that a sentence lists
_FIXES = {
    "required": "Give a value.",
    "uniqueItems": "Remove the duplicate.",
    "minimum": "Use at least {}.",
    "exclusiveMinimum": "Use more than {}.",
    "maximum": "Use at most {}.",
    "exclusiveMaximum": "Use less than {}.",
    "multipleOf": "Use a multiple of {}.",
    **dict.fromkeys(("minLength", "minItems", "minProperties"), "Give at least {}."),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties"), "Give at most {}."),
}


def check_record(parsed: JsonSchema, value: Any) -> list[FieldError]:
    """What is wrong with a document, each with a JSON pointer into it; empty when it is valid.

    At most 50 errors. Raises `TooComplex` for a document that is nested too deep or would take
    too long to check.
    """
    check_cost(parsed.library, value, backtracks=parsed.compiled.backtracks)
    found: list[FieldError] = []
    try:
        for error in parsed.compiled.validator.iter_errors(value):
            found.extend(_field_errors(error))
            if len(found) >= MAX_ERRORS:
                break
    except (ValueError, RecursionError, OverflowError) as error:
        if "ecursion" in str(error):
            raise too_deep() from None
        return [
            FieldError("/", "json", f"The document is no JSON value: {value_fault(error)}."[:_LINE])
        ]
    return found[:MAX_ERRORS]


def _field_errors(error: Any) -> Iterator[FieldError]:
    kind, at = error.kind, "".join(f"/{token(step)}" for step in error.instance_path)
    if kind.name in {"additionalProperties", "unevaluatedProperties"}:
        for name in kind.unexpected:
            message = f"“{str(name)[:_VALUE]}” is not known here."
            fix = "Remove it, or look for a misspelling."
            yield FieldError(f"{at}/{token(name)}", kind.name, message, fix)
    elif kind.name == "required":
        pointer = f"{at}/{token(kind.property)}"
        yield FieldError(pointer, kind.name, "A value is needed.", _fix(kind))
    else:
        text = str(error.message)
        message = text if len(text) <= _LINE else f"{text[: _LINE - 1]}…"
        yield FieldError(at or "/", kind.name, message, _fix(kind))


def _shown(value: Any) -> str:
    text = compact(value)
    return text if len(text) <= _VALUE else f"{text[: _VALUE - 1]}…"


def _fix(kind: Any) -> str:
    if kind.name == "enum":
        return f"Use one of {', '.join(_shown(each) for each in kind.options[:_OPTIONS])}."
    if kind.name == "type":
        return f"Use {' or '.join(kind.types)}."
    if kind.name == "const":
        return f"Use {_shown(kind.expected_value)}."
    if kind.name in {"pattern", "format"}:
        return f"It has to match the {kind.name} {getattr(kind, kind.name, '')}."
    limit = getattr(kind, "limit", getattr(kind, "multiple_of", ""))
    return _FIXES.get(kind.name, "").format(limit)
