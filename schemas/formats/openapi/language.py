"""OpenAPI as a language of the registry: parsing, canonical text, differences.

`schemas.formats.registry` names it; the services call it through `schemas.formats.base.Format`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from schemas.formats.base import (
    Budget,
    Dependency,
    Difference,
    FormatName,
    InvalidSchema,
    Parsed,
)
from schemas.formats.json.document import compact
from schemas.formats.openapi import lifecycle
from schemas.formats.openapi.check import check
from schemas.formats.openapi.comparison import compare
from schemas.formats.openapi.document import Document, assemble

_RULES = 1  # raised whenever a verdict may change
_TITLE = 200  # characters of a title that is shown as the name


@dataclass(frozen=True, eq=False)
class OpenApiDescription:
    """An OpenAPI description that was understood, with every reference resolvable."""

    text: str
    document: Document = field(repr=False)

    format = FormatName.OPENAPI

    @cached_property
    def canonical(self) -> str:
        return compact(self.document.value)

    @cached_property
    def normalised(self) -> str:
        return compact(self.document.value, sort=True)

    @property
    def name(self) -> str:
        title: str = self.document.value["info"]["title"]
        return title.replace("\0", "")[:_TITLE]


class OpenApiFormat:
    """OpenAPI 3.0 and 3.1."""

    name = FormatName.OPENAPI

    @property
    def version(self) -> int:
        """New every day: what may be removed depends on sunset dates."""
        return int(f"{_RULES}{lifecycle.today():%Y%m%d}")

    def parse(self, text: str, dependencies: Sequence[Dependency] = ()) -> OpenApiDescription:
        """Raises `InvalidSchema` with pointers, or `TooComplex`."""
        document = assemble(text, dependencies)
        check(document, Budget())
        return OpenApiDescription(text, document)

    def differences(self, reader: Parsed, writer: Parsed) -> tuple[Difference, ...]:
        """Every change from `writer`, the old description, to `reader`, the new one."""
        if not isinstance(reader, OpenApiDescription) or not isinstance(writer, OpenApiDescription):
            raise InvalidSchema.at("", "format", "Only two OpenAPI descriptions can be compared.")
        return compare(reader.document, writer.document, Budget())


FORMAT = OpenApiFormat()
