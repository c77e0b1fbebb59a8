"""A file of records held against one version: the first faults with their places, all counted."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any, Final

from idp.common.errors import FieldError, Invalid, SlipwayError
from schemas.checking import parse_stored
from schemas.datafiles.binary import SECONDS, Corrupt, Steps
from schemas.datafiles.container import MAGIC, Container
from schemas.datafiles.places import lines_of
from schemas.formats import avro
from schemas.formats.avro import AvroSchema
from schemas.formats.base import Difference, FormatName, InvalidSchema, Parsed, TooComplex
from schemas.models import Schema
from schemas.samples import checker_of
from schemas.utf8 import plain, plain_errors, plain_fault, value_fault

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_WHOLE = 5 * 1024 * 1024  # bytes of a JSON file that is one value, a list of records mostly
MAX_LINE = 1024 * 1024  # bytes of one line
MAX_RECORDS: Final = 100_000
MAX_FAULTS: Final = 100  # that are reported; wrong records are counted on
KINDS: Final = ("json", "ndjson", "avro")
TITLES: Final = {"json": "JSON", "ndjson": "lines of JSON", "avro": "Avro object container"}
_LINES = (".ndjson", ".jsonl", ".ldjson")
_LINEWISE = "Write one record a line."
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong. `record` counts from 0; `line` is 0 where there are no lines."""

    record: int
    line: int
    error: FieldError


@dataclass
class Report:
    """What was found of a file; `stopped` says why the rest was not looked at."""

    kind: str
    records: int = 0
    wrong: int = 0
    faults: list[Fault] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    stopped: str = ""

    @property
    def valid(self) -> bool:
        """Whether all of it was read and fits."""
        return not (self.wrong or self.differences or self.stopped)

    @property
    def left_out(self) -> bool:
        """Whether faults were found that are not reported."""
        return len(self.faults) >= MAX_FAULTS

    def add(self, line: int, errors: list[FieldError]) -> None:
        """Count one record with what is wrong with it."""
        self.wrong += bool(errors)
        room = MAX_FAULTS - len(self.faults)
        self.faults += [Fault(self.records, line, plain_fault(one)) for one in errors[:room]]
        self.records += 1

    @property
    def sentence(self) -> str:
        """The whole in one sentence."""
        what = f"{self.records:,} record{'s' if self.records != 1 else ''}"
        fit = f"{self.wrong:,} do{'es' if self.wrong == 1 else ''} not fit"
        if self.stopped:
            read = "was" if self.records == 1 else "were"
            rest = f", {fit}" if self.wrong else ""
            return f"{self.stopped} {what} {read} read until there{rest}."
        if self.wrong:
            verb = "does" if self.wrong == 1 else "do"
            return f"{self.wrong:,} of {what} {verb} not fit."
        if self.differences:
            return "The file's own schema is none that readers of this version can read."
        return f"{what} fit{'s' if self.records == 1 else ''}."


class _Clock:
    def __init__(self) -> None:
        self._ends = time.monotonic() + SECONDS

    def check(self, report: Report) -> bool:
        """Whether to go on; else the report says why not."""
        if report.records >= MAX_RECORDS:
            report.stopped = f"More than {MAX_RECORDS:,} records are not checked at once."
        elif time.monotonic() > self._ends:
            report.stopped = f"Checking took longer than {SECONDS:g} s."
        return not report.stopped


@plain_errors()
def check_file(schema: Schema, file: IO[bytes], *, kind: str = "", name: str = "") -> Report:
    """The report on a file that can be read twice; `kind` empty: by its first bytes and name.

    Raises `Invalid` for what cannot be held against the schema at all.
    """
    parsed = parse_stored(schema)
    kind = kind or _kind(file, name)
    if kind == "avro":
        return _container(parsed, file)
    check = checker_of(FormatName(schema.format))
    if kind == "ndjson":
        return _lines(parsed, check, file)
    return _whole(parsed, check, file, perhaps_lines=not kind)


def _kind(file: IO[bytes], name: str) -> str:
    start = file.read(len(MAGIC))
    file.seek(0)
    if start == MAGIC or name.lower().endswith(".avro"):
        return "avro"
    return "ndjson" if name.lower().endswith(_LINES) else ""


# -- JSON ---------------------------------------------------------------------------------------

_Check = Callable[[Parsed, Any], list[FieldError]]


def _whole(parsed: Parsed, check: _Check, file: IO[bytes], *, perhaps_lines: bool) -> Report:
    """One JSON value; what turns out to be one a line is read so where nobody said otherwise."""
    data = file.read(MAX_WHOLE + 1).removeprefix(_BOM)
    if not data.strip():
        raise Invalid("The file is empty.", fix="Send a record as JSON, or one a line.")
    first, _, rest = data.strip().partition(b"\n")
    if perhaps_lines and rest.strip() and not isinstance(_decoded(first), _NotJson):
        file.seek(0)
        return _lines(parsed, check, file)
    if len(data) > MAX_WHOLE:
        raise TooComplex(
            f"A JSON file that is one value has at most {MAX_WHOLE:,} bytes.",
            fix=_LINEWISE,
        )
    report = Report("json")
    value = _decoded(data)
    if isinstance(value, _NotJson):
        report.add(value.line, [value.error])
        return report
    if isinstance(value, list) and _takes_no_list(parsed, check):
        _listed(report, parsed, check, value)
    elif len(data) > MAX_LINE:
        raise TooComplex(f"One record has at most {MAX_LINE:,} bytes.", fix=_LINEWISE)
    else:
        report.add(0, _checked(parsed, check, value))
    _place(report, data.decode())
    return report


def _takes_no_list(parsed: Parsed, check: _Check) -> bool:
    """Whether a list is never one record: its type is wrong, whatever it holds."""
    return any(
        one.field == "/" and one.rule in {"type", "json"} for one in _checked(parsed, check, [])
    )


def _listed(report: Report, parsed: Parsed, check: _Check, values: list[Any]) -> None:
    """A list that is no record itself: one record after the other."""
    clock = _Clock()
    for value in values:
        if not clock.check(report):
            return
        at = f"/{report.records}"
        errors = _checked(parsed, check, value)
        report.add(0, [replace(one, field=at + one.field.removesuffix("/")) for one in errors])


def _place(report: Report, text: str) -> None:
    """Give each fault the line at which its value stands."""
    lines = lines_of(text, {one.error.field for one in report.faults})
    report.faults = [replace(one, line=lines[one.error.field]) for one in report.faults]


def _lines(parsed: Parsed, check: _Check, file: IO[bytes]) -> Report:
    report, clock = Report("ndjson"), _Clock()
    for number, line in _numbered(file):
        if not clock.check(report):
            break
        if len(line) > MAX_LINE:
            report.stopped = f"Line {number} has more than {MAX_LINE:,} bytes."
            break
        value = _decoded(line)
        if isinstance(value, _NotJson):
            report.add(number, [value.error])
        else:
            report.add(number, _checked(parsed, check, value))
    if not report.records and not report.stopped:
        raise Invalid("The file is empty.", fix="Send one record a line.")
    return report


def _numbered(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that hold something, with their numbers; a too long one is cut just behind."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if line.strip():
            yield number, line


@dataclass(frozen=True)
class _NotJson:
    line: int
    error: FieldError


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data.decode(), parse_constant=_no_constant)
    except UnicodeDecodeError:
        return _NotJson(1, FieldError("/", "utf-8", "It is no UTF-8.", "Save it as UTF-8."))
    except json.JSONDecodeError as error:
        text = f"It is no JSON: {error.msg} at column {error.colno}."
        return _NotJson(error.lineno, FieldError("/", "json", text))
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        text = "It is nested too deep." if deep else f"It is no JSON: {value_fault(error)}."
        return _NotJson(1, FieldError("/", "json", text[:300]))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _checked(parsed: Parsed, check: _Check, value: Any) -> list[FieldError]:
    try:
        return check(parsed, value)
    except RecursionError:
        return [FieldError("/", "depth", "It is nested too deep.")]
    except TooComplex as error:
        return [FieldError("/", "bounds", error.message, error.fix)]


# -- Avro ---------------------------------------------------------------------------------------


def _container(parsed: Parsed, file: IO[bytes]) -> Report:
    if not isinstance(parsed, AvroSchema):
        raise Invalid(
            f"An Avro container cannot be held against a {parsed.format} schema.",
            fix="Send JSON, or one record a line.",
        )
    report = Report("avro")
    try:
        container = Container(file)
        writer = _writer(container.schema)
        found = avro.FORMAT.differences(parsed, writer)
        report.differences = [one for one in found if not one.strict][:MAX_FAULTS]
        _blocks(parsed, writer, container, report)
    except Corrupt as error:
        text = plain(f"From here on it cannot be read: {error}.")
        report.faults.append(Fault(report.records, 0, FieldError("/", "avro", text)))
        report.stopped = "The file is damaged."
    except TooComplex as error:
        report.stopped = f"{error.message} {error.fix}".strip()
    return report


def _writer(text: str) -> AvroSchema:
    """The schema inside a file; its defaults are nobody's who reads with another one."""
    try:
        return avro.FORMAT.parse(text, check_defaults=False)
    except (InvalidSchema, TooComplex) as error:
        message = f"The schema inside the file cannot be used: {error.message}"
        raise Invalid(message, fix=error.fix) from error


def _blocks(parsed: AvroSchema, writer: AvroSchema, container: Container, report: Report) -> None:
    steps, clock = Steps(), _Clock()
    for count, decoder in container.blocks(steps):
        for _ in range(count):
            if not clock.check(report):
                return
            report.add(0, decoder.record(writer.root, parsed.root))
        if not decoder.done:
            raise Corrupt("a block holds more bytes than its records take")


def require_size(size: int) -> None:
    """Raise `Invalid` for a file that is larger than may be checked."""
    if size > MAX_BYTES:
        text = f"A file has at most {MAX_BYTES:,} bytes."
        raise FileTooLarge(text, fix="Check a part of it.")


class FileTooLarge(SlipwayError):
    """The file is larger than may be checked."""

    code, title, status = "too_large", "The file is too large", 413
