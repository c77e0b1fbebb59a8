"""What every schema format answers: a parsed schema, its canonical text, and differences in words.

The engines below this package know neither rows nor requests: text comes in, frozen values go
out. `schemas.services` and the registry's wire API call them through `schemas.formats.registry`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from idp.common.errors import FieldError, Invalid

MAX_TEXT = 1_000_000  # characters of one schema; the wire API refuses larger bodies before
MAX_DEPTH = 200  # nesting of one schema; deeper text is refused before it is walked
SECONDS = 2.0  # of one comparison or parse


class FormatName(StrEnum):
    """The registry's `schemaType`, and OPENAPI, whose subjects live beside the wire prefix."""

    AVRO = "AVRO"
    JSON = "JSON"
    PROTOBUF = "PROTOBUF"
    OPENAPI = "OPENAPI"


class InvalidSchema(Invalid):
    """The text is no schema of its format; `errors` say where (a JSON pointer or a line)."""

    code, title = "invalid_schema", "The schema is not valid"

    @classmethod
    def at(cls, pointer: str, rule: str, message: str, fix: str = "") -> InvalidSchema:
        """One error at one place."""
        found = FieldError(pointer or "/", rule, message, fix)
        return cls(f"{pointer or '/'}: {message}", fix=fix, errors=[found])


class TooComplex(Invalid):
    """Judging would pass a bound of size, depth or time; nothing was decided."""

    code, title = "too_complex", "The schema is too complex to judge"


@dataclass(frozen=True)
class Dependency:
    """A referenced schema. `name` is what the text calls it: a full name, a URI, an import path.

    A parser gets all of them, also those of its dependencies, each before those that use it.
    """

    name: str
    text: str
    subject: str = ""
    version: int = 0


@dataclass(frozen=True)
class Difference:
    """One change between what was written (old) and what reads it (new).

    Pointers are RFC 6901 into the reader's and the writer's schema; where a side has no such
    place, its nearest parent. `strict` and `lenient` say whether the change is compatible under
    either policy. `advice` is one sentence: who is hurt and what to do; empty when nobody is.
    """

    kind: str  # UPPER_SNAKE, as the field's tools name it: READER_FIELD_MISSING_DEFAULT_VALUE
    reader_at: str
    writer_at: str
    old: Any = None
    new: Any = None
    strict: bool = False
    lenient: bool = False
    advice: str = ""

    def compatible(self, *, lenient: bool) -> bool:
        return self.lenient if lenient else self.strict


@runtime_checkable
class Parsed(Protocol):
    """A schema that was understood. Equal `canonical` texts are the same schema (one id)."""

    @property
    def format(self) -> FormatName: ...

    @property
    def text(self) -> str:
        """The text as it was given, white space folded where the format's registries do so."""
        ...

    @property
    def canonical(self) -> str:
        """What identifies it; keeps order, docs, defaults and properties that people wrote."""
        ...

    @property
    def normalised(self) -> str:
        """The text in the format's normal form, for `normalize=true`."""
        ...

    @property
    def name(self) -> str:
        """What the schema calls itself: the record's full name, the title, the first message."""
        ...


class Format(Protocol):
    """One schema language."""

    @property
    def name(self) -> FormatName: ...

    @property
    def version(self) -> int:
        """Raised whenever a verdict may change: part of the verdict cache's key."""
        ...

    def parse(self, text: str, dependencies: Sequence[Dependency] = ()) -> Parsed:
        """Raises `InvalidSchema` or `TooComplex`; takes bounded time and memory."""
        ...

    def differences(self, reader: Parsed, writer: Parsed) -> tuple[Difference, ...]:
        """Every change from `writer` to `reader`, also harmless ones; raises `TooComplex`.

        The reader can read the writer's data when each difference is compatible.
        """
        ...


@dataclass
class Budget:
    """A bound on the processor time of one judgement, whatever else the machine does."""

    seconds: float = SECONDS
    _ends: float = field(init=False)
    _asked: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._ends = time.thread_time() + self.seconds

    def spend(self) -> None:
        """Raises `TooComplex` past the end; reads the clock on every 64th call only."""
        self._asked += 1
        if self._asked % 64 == 0 and time.thread_time() > self._ends:
            raise TooComplex(
                f"Judging takes longer than {self.seconds:g} s of processor time.",
                fix="Split the schema into smaller ones that refer to each other.",
            )
