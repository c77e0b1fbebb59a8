"""Halves of surrogate pairs: JSON may escape them, no answer can carry them.

Engines quote what a text says; what leaves through pages and REST passes here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from idp.common.errors import FieldError, SlipwayError


def plain(value: Any) -> Any:
    """The value with each half replaced by a question mark; old and new values are shallow."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def plain_fault(fault: FieldError) -> FieldError:
    return replace(fault, field=plain(fault.field), message=plain(fault.message))


@contextmanager
def plain_errors() -> Iterator[None]:
    """Errors raised inside say nothing that cannot be written."""
    try:
        yield
    except SlipwayError as error:
        error.message, error.fix = plain(error.message), plain(error.fix)
        error.errors = tuple(plain_fault(fault) for fault in error.errors)
        raise


def value_fault(error: Exception) -> str:
    """A decoder's complaint about a value, without what it says to programmers."""
    text = str(error)
    if "int_max_str_digits" in text:
        return "a number has more digits than are read"
    return text.removesuffix(".")
