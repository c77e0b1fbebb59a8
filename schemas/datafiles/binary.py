"""Avro's binary encoding read within bounds, each datum resolved against a reader's type.

Specification, "Binary Encoding" and "Schema Resolution". A datum that the reader could not take is
a fault with its pointer; the bytes are read on by the writer's type all the same.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field
from typing import Final

from idp.common.errors import FieldError
from schemas.formats.avro.model import (
    Array,
    Enum,
    Fixed,
    MapOf,
    Named,
    Record,
    Type,
    Union,
    described,
)
from schemas.formats.avro.resolution import candidates, names_match, promotes, sources
from schemas.formats.base import TooComplex

MAX_STEPS: Final = 3_000_000  # values of one file, also those that take no byte
MAX_NESTING: Final = 100  # of one record, far from the end of Python's stack
MAX_FAULTS: Final = 50  # of one record
SECONDS: Final = 10.0  # of one file
_MAX_VARINT = 10  # bytes of a long
_SHOWN = 40
_SIZES: Final = {"float": 4, "double": 8}


_Resolved = tuple[dict[int, Type], tuple[str, ...]]  # by written position, and what is missing


class Corrupt(Exception):
    """The bytes are no data of the writer's schema; nothing after them can be read."""


@dataclass
class Steps:
    """The values that one file may still hold, and the time; shared by all of its blocks."""

    left: int = MAX_STEPS
    ends: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    resolved: dict[tuple[int, int], _Resolved] = field(default_factory=dict)

    def spend(self) -> None:
        self.left -= 1
        if self.left % 1024 == 0 and time.monotonic() > self.ends:
            raise TooComplex(f"Checking took longer than {SECONDS:g} s.")
        if self.left < 0:
            raise TooComplex(
                f"The file holds more than {MAX_STEPS:,} values.", fix="Check a part of it."
            )


@dataclass
class Decoder:
    """Reads data from one block's bytes."""

    data: bytes
    steps: Steps
    at: int = 0
    depth: int = 0
    faults: list[FieldError] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return self.at >= len(self.data)

    def record(self, writer: Type, reader: Type) -> list[FieldError]:
        """One datum's faults; raises `Corrupt` and `TooComplex`."""
        self.faults, self.depth = [], 0
        self._read(writer, reader, "")
        return self.faults

    # -- bytes ----------------------------------------------------------------------------------

    def _take(self, count: int) -> bytes:
        if count < 0 or count > len(self.data) - self.at:
            raise Corrupt(f"{count} bytes are announced, {len(self.data) - self.at} are left")
        found = self.data[self.at : self.at + count]
        self.at += count
        return found

    def long(self) -> int:
        value = shift = 0
        for _ in range(_MAX_VARINT):
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise Corrupt("a number is longer than ten bytes")

    def _bytes(self) -> bytes:
        return self._take(self.long())

    # -- data -----------------------------------------------------------------------------------

    def _fault(self, at: str, rule: str, message: str, fix: str = "") -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(FieldError(at or "/", rule, message, fix))

    def _read(self, writer: Type, reader: Type | None, at: str) -> None:
        """Read a writer's value; `reader` None: nobody wants it."""
        self.steps.spend()
        if isinstance(writer, Union):
            self._branch(writer, reader, at)
            return
        if isinstance(reader, Union):
            reader = self._chosen(reader, writer, at)
        elif reader is not None and not _fits(writer, reader):
            self._fault(at, "type", f"{described(writer)} is no value of {described(reader)}")
            reader = None
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise TooComplex(f"A record is nested more than {MAX_NESTING} levels deep.")
        self._value(writer, reader, at)
        self.depth -= 1

    def _branch(self, writer: Union, reader: Type | None, at: str) -> None:
        index = self.long()
        if not 0 <= index < len(writer.branches):
            raise Corrupt(f"a union of {len(writer.branches)} has no branch {index}")
        self._read(writer.branches[index], reader, at)

    def _chosen(self, reader: Union, writer: Type, at: str) -> Type | None:
        found = candidates(reader, writer)
        if found:
            return reader.branches[found[0]]
        self._fault(at, "type", f"{described(writer)} is none of {described(reader)}")
        return None

    def _value(self, writer: Type, reader: Type | None, at: str) -> None:
        if isinstance(writer, Record):
            self._record(writer, reader if isinstance(reader, Record) else None, at)
        elif isinstance(writer, Array | MapOf):
            self._entries(writer, reader, at)
        elif isinstance(writer, Enum):
            self._enum(writer, reader if isinstance(reader, Enum) else None, at)
        elif isinstance(writer, Fixed):
            self._take(writer.size)
        else:
            self._primitive(writer.kind, reader, at)

    def _primitive(self, kind: str, reader: Type | None, at: str) -> None:
        if kind in {"int", "long"}:
            value = self.long()
            bits = 31 if kind == "int" else 63
            if not -(1 << bits) <= value < 1 << bits:
                raise Corrupt(f"{value} is no {kind}")
        elif kind in _SIZES:
            struct.unpack("<f" if kind == "float" else "<d", self._take(_SIZES[kind]))
        elif kind == "boolean":
            if self._take(1)[0] > 1:
                raise Corrupt("a boolean is neither 0 nor 1")
        elif kind in {"bytes", "string"}:
            text = self._bytes()
            if "string" in {kind, reader.kind if reader else ""}:
                self._utf8(text, at)

    def _utf8(self, text: bytes, at: str) -> None:
        try:
            text.decode()
        except UnicodeDecodeError:
            self._fault(at, "utf-8", "It is no UTF-8.", "Declare bytes, or write text.")

    def _enum(self, writer: Enum, reader: Enum | None, at: str) -> None:
        index = self.long()
        if not 0 <= index < len(writer.symbols):
            raise Corrupt(f"an enum of {len(writer.symbols)} has no symbol {index}")
        symbol = writer.symbols[index]
        if reader is not None and symbol not in reader.known and reader.default is None:
            text = f"“{symbol[:_SHOWN]}” is no symbol of {described(reader)}"
            self._fault(at, "symbol", text, "Add the symbol, or give the enum a default.")

    def _record(self, writer: Record, reader: Record | None, at: str) -> None:
        wanted, missing = self._resolved(writer, reader)
        for name in missing[:MAX_FAULTS]:
            text = f"`{name}` is not written and has no default"
            self._fault(f"{at}/{_token(name)}", "required", text, "Give it a default.")
        for position, one in enumerate(writer.fields):
            self._read(one.type, wanted.get(position), f"{at}/{_token(one.name)}")

    def _resolved(self, writer: Record, reader: Record | None) -> _Resolved:
        """Which written field each of the reader's takes, found once for each pair of records."""
        if reader is None:
            return {}, ()
        key = (id(writer), id(reader))
        if key not in self.steps.resolved:
            wanted: dict[int, Type] = {}
            missing: list[str] = []
            for one in reader.fields:
                self.steps.spend()
                found = sources(one, writer)
                if found:
                    wanted[found[0]] = one.type
                elif not one.has_default:
                    missing.append(one.name)
            self.steps.resolved[key] = (wanted, tuple(missing))
        return self.steps.resolved[key]

    def _entries(self, writer: Array | MapOf, reader: Type | None, at: str) -> None:
        """Blocks of entries until one of none; a negative count brings its size in bytes."""
        index = 0
        inner = writer.items if isinstance(writer, Array) else writer.values
        theirs = _inner(reader)
        while count := self.long():
            if count < 0:
                count, size = -count, self.long()
                if not 0 <= size <= len(self.data) - self.at:
                    raise Corrupt(f"a block of {size} bytes is announced, which are not there")
            for _ in range(count):
                step = str(index)
                if isinstance(writer, MapOf):
                    step = self._bytes()[:200].decode(errors="replace")
                self._read(inner, theirs, f"{at}/{_token(step)}")
                index += 1


def _inner(reader: Type | None) -> Type | None:
    if isinstance(reader, Array):
        return reader.items
    return reader.values if isinstance(reader, MapOf) else None


def _fits(writer: Type, reader: Type) -> bool:
    """Whether the two types go together, without looking inside."""
    if isinstance(writer, Named):
        if not isinstance(reader, Named) or writer.kind != reader.kind:
            return False
        same_size = not isinstance(writer, Fixed) or (
            isinstance(reader, Fixed) and reader.size == writer.size
        )
        return same_size and names_match(reader, writer)
    return not isinstance(reader, Named) and promotes(writer.kind, reader.kind)


def _token(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
