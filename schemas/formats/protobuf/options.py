"""Options as `.proto` text: `name = value` of built-in and custom options.

Called by `printer`. A custom option's value is printed in protobuf's text format, which is the
grammar of a message in braces there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import (  # type: ignore[import-untyped]  # the runtime has no stubs
    text_format,
)

from schemas.formats.protobuf.descriptors import Options

Write = Callable[[str], str]
COMPUTED = frozenset({"map_entry", "uninterpreted_option"})


def assignments(options: Options, write: Write, *, by_name: bool = False) -> list[str]:
    """One `name = value` for each option that is set; `write` shortens an extension's name."""
    found = [
        (_label(kind, write), value)
        for kind, values in options.ListFields()
        if kind.name not in COMPUTED or kind.is_extension
        for value in _texts(kind, values)
    ]
    if by_name:
        found.sort(key=lambda pair: pair[0])
    return [f"{name} = {value}" for name, value in found]


def _label(kind: Any, write: Write) -> str:
    return f"({write(kind.full_name)})" if kind.is_extension else kind.name


def _texts(kind: Any, values: Any) -> Iterator[str]:
    for value in values if kind.is_repeated else [values]:
        if kind.message_type is not None:
            inner = text_format.MessageToString(value, as_one_line=True)
            yield f"{{ {inner} }}" if inner else "{}"
        else:
            yield _scalar(kind, value)


def _scalar(kind: Any, value: Any) -> str:
    """The value as text format writes it."""
    if kind.enum_type is not None:
        known = kind.enum_type.values_by_number.get(value)
        return known.name if known else str(value)
    if kind.type == kind.TYPE_STRING:
        return quoted(value)
    if kind.type == kind.TYPE_BYTES:
        return quoted_bytes(value)
    if kind.type == kind.TYPE_BOOL:
        return "true" if value else "false"
    if kind.type in (kind.TYPE_FLOAT, kind.TYPE_DOUBLE):
        return _float(value, single=kind.type == kind.TYPE_FLOAT)
    return str(value)


def _float(value: float, *, single: bool) -> str:
    """The shortest text that is read back as this number; `inf` and `nan` by their words."""
    if value != value:  # noqa: PLR0124 - the one number unequal to itself
        return "nan"
    if not single:
        return repr(value)
    return next(
        (text for digits in range(6, 9) if _as_single(text := f"{value:.{digits}g}") == value),
        f"{value:.9g}",
    )


def _as_single(text: str) -> float:
    """The number a 32-bit field holds for the text; past its range, infinity."""
    try:
        return float(struct.unpack("f", struct.pack("f", float(text)))[0])
    except OverflowError:
        return float("inf")


def quoted(text: str) -> str:
    """A string literal; control characters by octal escapes, all else as it is."""
    named = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return (
        '"'
        + "".join(
            named.get(sign) or (sign if sign >= " " and sign != "\x7f" else f"\\{ord(sign):03o}")
            for sign in text
        )
        + '"'
    )


def quoted_bytes(data: bytes) -> str:
    return (
        '"'
        + "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03o}"  # noqa: PLR2004 - printable ASCII
            for byte in data
        )
        + '"'
    )
