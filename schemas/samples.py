"""Records against schemas: checking pasted ones, and examples.

Between the engines, which each check their own format, and pages and REST.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.common.errors import FieldError, Invalid
from schemas.checking import parse_stored
from schemas.formats import avro, protobuf
from schemas.formats import json as json_schema
from schemas.formats.base import FormatName, Parsed, TooComplex
from schemas.models import Schema
from schemas.utf8 import plain, plain_errors, plain_fault, value_fault

MAX_TEXT = 200_000  # characters of what is pasted
MAX_RECORDS = 100
SECONDS = 5.0  # of one check of several records
_ENGINES: Final[dict[str, tuple[Callable[..., list[FieldError]], Callable[..., Any]]]] = {
    FormatName.AVRO: (avro.check_record, avro.example),
    FormatName.JSON: (json_schema.check_record, json_schema.example),
    FormatName.PROTOBUF: (protobuf.check_record, protobuf.example),
}


@dataclass(frozen=True)
class Checked:
    """One record's faults, none for a valid one; `line` is where it stood in what was pasted."""

    line: int
    errors: tuple[FieldError, ...]

    @property
    def valid(self) -> bool:
        return not self.errors


def checker_of(name: FormatName) -> Callable[..., list[FieldError]]:
    """What holds a JSON value against a parsed schema; raises `Invalid` where nothing does."""
    if name not in _ENGINES:
        raise Invalid(f"Records of {name} schemas cannot be checked.")
    return _ENGINES[name][0]


@plain_errors()
def check_records(schema: Schema, records: Sequence[Any], lines: Sequence[int]) -> list[Checked]:
    """Each record against the schema. Raises `TooComplex` past the time that one check may take."""
    if len(records) > MAX_RECORDS:
        raise Invalid(f"At most {MAX_RECORDS} records are checked at once.")
    check = checker_of(FormatName(schema.format))
    parsed = parse_stored(schema)
    ends = time.monotonic() + SECONDS
    found = []
    for line, record in zip(lines, records, strict=True):
        if time.monotonic() > ends:
            raise TooComplex(
                f"Checking took longer than {SECONDS:g} s.", fix="Check fewer records at once."
            )
        faults = _check(check, parsed, record)
        found.append(Checked(line, tuple(map(plain_fault, faults))))
    return found


def _check(check: Callable[..., list[FieldError]], parsed: Parsed, record: Any) -> list[FieldError]:
    try:
        return check(parsed, record)
    except RecursionError:  # of a decoder below the engine
        raise TooComplex("The record is nested too deep.") from None


def read_records(text: str) -> tuple[list[Any], list[int]]:
    """The records of a pasted text, one JSON value or one a line, with their lines.

    Raises `Invalid` naming the line that is no JSON.
    """
    if len(text) > MAX_TEXT:
        raise Invalid(f"At most {MAX_TEXT:,} characters are checked at once.")
    if not text.strip():
        raise Invalid("There is no record to check.", fix="Paste one as JSON, or one a line.")
    try:
        return [_decoded(text)], [1]
    except json.JSONDecodeError as error:
        lines = [(at, line) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
        if len(lines) == 1 or not lines[0][1].rstrip().endswith(("}", "]")):
            raise _no_json(error, error.lineno) from None
    if len(lines) > MAX_RECORDS:
        raise Invalid(f"At most {MAX_RECORDS} records are checked at once.")
    return [_line(line, at) for at, line in lines], [at for at, _ in lines]


def _line(text: str, at: int) -> Any:
    try:
        return _decoded(text)
    except json.JSONDecodeError as error:
        raise _no_json(error, at) from None


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise TooComplex("The record is nested too deep.") from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise Invalid(f"The record is no JSON: {value_fault(error)}.") from error


def _no_constant(name: str) -> Any:
    raise Invalid(f"{name} is no JSON.", fix="Use null, or a text.")


def _no_json(error: json.JSONDecodeError, line: int) -> Invalid:
    return Invalid(f"Line {line} is no JSON: {error.msg} at column {error.colno}.")


@plain_errors()
def example(schema: Schema) -> Any:
    """A record that fits the schema; raises `InvalidSchema` or `TooComplex` where there is none."""
    if schema.format not in _ENGINES:
        raise TooComplex(f"There is no example of {schema.format} schemas.")
    return plain(_ENGINES[schema.format][1](parse_stored(schema)))
