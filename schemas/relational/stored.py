"""A database model as JSON text and back, and the digest of what it says.

Services store the text and compare digests; the reader of another release refuses a newer form.
The text may come from a team's own CI, so it is read as hostile input.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import StrEnum
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from schemas.formats.base import InvalidSchema, TooComplex
from schemas.relational import model as module
from schemas.relational.model import FORM, Model

_SURROGATE = re.compile("[\ud800-\udfff]")
MAX_STORED = 64_000_000  # characters of one stored model


def dump(model: Model) -> str:
    """The model as JSON; what has its default value is left out."""
    return _text({"form": FORM, "model": _plain(model)})


def digest(model: Model) -> str:
    """SHA-256 over what is compared: equal digests are equal models, on whatever server."""
    kept = {name: value for name, value in _plain(model).items() if name not in _informing()}
    return hashlib.sha256(_text(kept).encode()).hexdigest()


def parse(text: str) -> Model:
    """The model of a stored text; raises `InvalidSchema` naming the place, or `TooComplex`."""
    if len(text) > MAX_STORED:
        raise TooComplex(f"The stored model has more than {MAX_STORED} characters.")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSchema.at("/", "json", "It is no JSON text.") from error
    if not isinstance(value, dict) or value.get("form") != FORM:
        raise InvalidSchema.at("/form", "form", f"It is no database model of form {FORM}.")
    made = _value(Model, value.get("model"), "/model")
    if not isinstance(made, Model):
        raise InvalidSchema.at("/model", "type", "It must be an object.")
    return made


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        each = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: _plain(held) for one, held in each if held != one.default}
    return [_plain(held) for held in value] if isinstance(value, tuple) else value


@cache
def _informing() -> frozenset[str]:
    return frozenset(one.name for one in fields(Model) if one.metadata.get("informs"))


@cache
def _shapes() -> dict[str, dict[str, tuple[Any, Field[Any]]]]:
    """The fields of every class of the model, with their types."""
    kinds = [one for one in vars(module).values() if isinstance(one, type) and is_dataclass(one)]
    hints = {one.__name__: get_type_hints(one) for one in kinds}
    return {
        one.__name__: {held.name: (hints[one.__name__][held.name], held) for held in fields(one)}
        for one in kinds
    }


def _value(kind: Any, value: object, at: str) -> Any:
    """The value as the annotated type; a wrong one is refused with its pointer."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise InvalidSchema.at(at, "type", "It must be a list.")
        inner = get_args(kind)[0]
        return tuple(_value(inner, one, f"{at}/{place}") for place, one in enumerate(value))
    if is_dataclass(kind) and isinstance(kind, type):
        return _object(kind, value, at)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in {str(one) for one in kind}:
            raise InvalidSchema.at(at, "enum", f"It must be one of {', '.join(kind)}.")
        return kind(str(value))
    if isinstance(value, str) and not value.isascii() and _SURROGATE.search(value):
        raise InvalidSchema.at(at, "text", "It holds half a character.")
    if type(value) is not kind:  # True is an int to isinstance
        raise InvalidSchema.at(at, "type", f"It must be of type {kind.__name__}.")
    return value


def _object(kind: type[Any], value: object, at: str) -> Any:
    shape = _shapes()[kind.__name__]
    if not isinstance(value, dict):
        raise InvalidSchema.at(at, "type", "It must be an object.")
    for name in value:
        if name not in shape:
            raise InvalidSchema.at(f"{at}/{name[:60]}", "unknown", "There is no such field.")
    for name, (_, one) in shape.items():
        if name not in value and one.default is MISSING:
            raise InvalidSchema.at(f"{at}/{name}", "required", "It is missing.")
    return kind(
        **{name: _value(shape[name][0], held, f"{at}/{name}") for name, held in value.items()}
    )
