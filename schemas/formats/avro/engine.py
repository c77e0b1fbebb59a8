"""The Avro engine as `schemas.formats.base` asks for it: parse, texts, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from idp.common.errors import FieldError
from schemas.formats.avro import examples, records
from schemas.formats.avro import native as natives
from schemas.formats.avro.comparison import compare
from schemas.formats.avro.defaults import DefaultChecker
from schemas.formats.avro.model import Named, Type
from schemas.formats.avro.parser import Parser
from schemas.formats.avro.text import compact, load
from schemas.formats.avro.writing import ParsingForm, Writer, rabin
from schemas.formats.base import (
    MAX_TEXT,
    Budget,
    Dependency,
    Difference,
    FormatName,
    InvalidSchema,
    Parsed,
    TooComplex,
)

_MAX_TEXTS = 5 * MAX_TEXT  # characters of a schema with all that it refers to


@dataclass(frozen=True, eq=False)
class AvroSchema:
    """A parsed schema. `foreign` are the names that its dependencies define."""

    root: Type
    foreign: frozenset[str] = frozenset()
    _document: Any = field(default=None, repr=False)

    @property
    def format(self) -> FormatName:
        return FormatName.AVRO

    @cached_property
    def text(self) -> str:
        return compact(self._document)

    @cached_property
    def canonical(self) -> str:
        return Writer(self.foreign).write(self.root)

    @cached_property
    def normalised(self) -> str:
        return Writer(self.foreign, normal=True).write(self.root)

    @property
    def name(self) -> str:
        return self.root.full if isinstance(self.root, Named) else ""


class AvroFormat:
    """Avro 1.12."""

    @property
    def name(self) -> FormatName:
        return FormatName.AVRO

    @property
    def version(self) -> int:
        return 1

    def parse(
        self, text: str, dependencies: Sequence[Dependency] = (), *, check_defaults: bool = True
    ) -> AvroSchema:
        """Raises `InvalidSchema` or `TooComplex`.

        Without `check_defaults` a schema is taken that was registered before defaults were
        checked, as registries do when they read or import one.
        """
        if sum(len(one.text) for one in dependencies) > _MAX_TEXTS:
            raise TooComplex(f"The references hold more than {_MAX_TEXTS:,} characters.")
        budget = Budget()
        parser = Parser(budget)
        for dependency in dependencies:
            _parse_dependency(parser, dependency)
        foreign = frozenset(parser.names)
        document = load(text)
        root = parser.parse(document)
        if check_defaults:
            checker = DefaultChecker(budget)
            for one, at in parser.defaults:
                checker.check(one, at)
        return AvroSchema(root, foreign, document)

    def differences(self, reader: Parsed, writer: Parsed) -> tuple[Difference, ...]:
        """Every change from `writer` to `reader`; raises `TooComplex`."""
        new, old = _avro(reader), _avro(writer)
        found = compare(new.root, old.root, Budget())
        if any(one.kind == "FIELD_ALIAS_AMBIGUOUS" for one in found):
            # Readers leave aliases out where the writer's schema is their own.
            return () if new.canonical == old.canonical else found
        return found


def _parse_dependency(parser: Parser, dependency: Dependency) -> None:
    try:
        parser.parse(load(dependency.text), foreign=True)
    except InvalidSchema as exc:
        raise InvalidSchema(
            f"The referenced schema {dependency.name}: {exc.message}",
            fix=exc.fix,
            errors=exc.errors,
        ) from exc


def _avro(parsed: Parsed) -> AvroSchema:
    if not isinstance(parsed, AvroSchema):
        raise TypeError(f"{type(parsed).__name__} is no Avro schema")
    return parsed


def parsing_canonical_form(parsed: Parsed) -> str:
    """Equal for schemas that read and write the same bytes; raises `TooComplex`."""
    return ParsingForm().write(_avro(parsed).root)


def fingerprint(parsed: Parsed) -> int:
    """CRC-64-AVRO of the parsing canonical form, as single-object encoding carries it."""
    return rabin(parsing_canonical_form(parsed).encode())


def check_record(parsed: Parsed, value: Any) -> list[FieldError]:
    """What is wrong with a JSON value, at most a hundred errors; raises `TooComplex`.

    A field is the RFC 6901 pointer into the value. Unions may be plain or tagged.
    """
    return records.check_record(_avro(parsed).root, value)


def native(parsed: Parsed, value: Any) -> Any:
    """A JSON value that fits, as Python's Avro libraries write it."""
    return natives.native(_avro(parsed).root, value)


def example(parsed: Parsed) -> Any:
    """A value that `check_record` finds no fault with; raises `TooComplex` when there is none."""
    return examples.example(_avro(parsed).root)


FORMAT = AvroFormat()
