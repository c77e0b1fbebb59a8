"""JSON in and out of the Avro engine: bounded reading, and writing as Java's Jackson does.

Registries written in Java compare texts, so numbers and escapes have to come out as theirs.
"""

from __future__ import annotations

import json
import math
import re
import struct
from json.encoder import encode_basestring
from typing import Any

from schemas.formats.base import MAX_DEPTH, MAX_TEXT, InvalidSchema, TooComplex
from schemas.utf8 import value_fault

# The string alternative also takes an unterminated rest: no position is tried twice.
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_CONTROLS = re.compile(r"[\x0b\x0e\x0f\x1a-\x1f]")  # those whose code has a letter
_ESCAPES = {code: f"\\u{code:04X}" for code in range(0x20)} | {
    ord(char): f"\\{letter}" for char, letter in zip('"\\\b\f\n\r\t', '"\\bfnrt', strict=True)
}
# What Python's own writer, ten times as fast, may have written in another way than Java does:
# floating-point numbers, and escapes by code. It also finds such as stand in a text.
_DIFFERENT = re.compile(r"(?:^|[:,\[])-?(?:\d+[.e]|Infinity|NaN)|\\u00")
_PLAIN = (-3, 7)  # powers of ten that Java writes without an exponent
_NUMBER = re.compile(r"[+-]?(?:NaN|Infinity|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:40]} is out of range")
    return number


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


def load(text: str) -> Any:
    """The document of a schema's text; raises `InvalidSchema` or `TooComplex`."""
    if len(text) > MAX_TEXT:
        raise TooComplex(
            f"The schema has {len(text):,} characters, {MAX_TEXT:,} are judged.",
            fix="Split it into schemas that refer to each other.",
        )
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_depth(text)
    try:
        document = _DECODER.decode(text)
        if not text.isascii() or "\\ud" in text or "\\uD" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as exc:
        raise InvalidSchema.at(f"line {exc.lineno}", "json", f"not JSON: {exc.msg}") from exc
    except UnicodeEncodeError as exc:
        raise InvalidSchema.at("", "json", "half of a surrogate pair stands alone") from exc
    except ValueError as exc:
        raise InvalidSchema.at("", "json", value_fault(exc)) from exc
    return document


def _check_depth(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        char = token.group()
        if char in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooComplex(
                    f"The schema is nested deeper than {MAX_DEPTH} levels.",
                    fix="Name the inner types and refer to them.",
                )
        elif char in "}]":
            depth -= 1


def number_of(text: str) -> float | None:
    """What a textual default of float and double stands for, as Java reads it; None if nothing."""
    word = text.strip()
    return float(word) if _NUMBER.fullmatch(word) else None


def quoted(text: str) -> str:
    """A JSON string: only what must be escaped is, with upper-case digits."""
    if _CONTROLS.search(text):
        return f'"{text.translate(_ESCAPES)}"'
    written: str = encode_basestring(text)
    return written


def number(value: float) -> str:
    """A floating-point number as `Double.toString` writes it; "NaN" and infinities quoted."""
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    return java_decimal(repr(value))


def java_decimal(shortest: str) -> str:
    """Digits as Java lays them out: plain from 10⁻³ up to 10⁷, with an exponent elsewhere."""
    sign = "-" if shortest.startswith("-") else ""
    mantissa, _, exponent = shortest.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return f"{sign}0.0"
    leading = len(whole + fraction) - len(digits)
    power = int(exponent or 0) + len(whole) - leading - 1  # of the first digit
    digits = digits.rstrip("0") or "0"
    if not _PLAIN[0] <= power < _PLAIN[1]:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{power}"
    if power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    digits = digits.ljust(power + 2, "0")
    return f"{sign}{digits[: power + 1]}.{digits[power + 1 :]}"


def single(value: float) -> float:
    """The number that a reader sees who holds it in 32 bits, by its shortest decimal digits."""
    held = _held(value)
    texts = (f"{held:.{digits}g}" for digits in range(1, 10))  # nine always suffice
    return next((float(text) for text in texts if _held(float(text)) == held), held)


def _held(value: float) -> float:
    try:
        held: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        held = math.copysign(math.inf, value)
    return held


def compact(value: Any, *, sort: bool = False) -> str:
    """JSON without white space; with `sort`, the keys of every object in order."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort)
    if _DIFFERENT.search(plain):
        return _written(value, sort=sort)
    return plain


def _written(value: Any, *, sort: bool = False) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        keys = sorted(value) if sort else value
        pairs = (f"{quoted(key)}:{_written(value[key], sort=sort)}" for key in keys)
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(_written(entry, sort=sort) for entry in value)}]"
    return str(value)
