"""JSON Schema as a language of the registry: parsing, canonical text, differences.

`schemas.formats.registry` names it; the wire API and the services call it through
`schemas.formats.base.Format`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from schemas.formats.base import (
    Budget,
    Dependency,
    Difference,
    FormatName,
    InvalidSchema,
    Parsed,
)
from schemas.formats.json.document import Library, compact, read
from schemas.formats.json.judge import Judge
from schemas.formats.json.model import Kind, Model, Node
from schemas.formats.json.rules import compare
from schemas.formats.json.validation import Compiled, compiled

_TITLE = 200  # characters of a title that is shown as the name


@dataclass(frozen=True, eq=False)
class JsonSchema:
    """A JSON Schema that was understood, with every reference resolved."""

    value: Any
    canonical: str
    library: Library = field(repr=False)
    compiled: Compiled = field(repr=False)

    format = FormatName.JSON

    @property
    def text(self) -> str:
        return self.canonical

    @cached_property
    def normalised(self) -> str:
        return compact(self.value, sort=True)

    @property
    def name(self) -> str:
        title = self.value.get("title") if isinstance(self.value, dict) else None
        return title.replace("\0", "")[:_TITLE] if isinstance(title, str) else ""

    @cached_property
    def model(self) -> Model:
        return Model(self.library)


class JsonFormat:
    """JSON Schema, drafts 4 to 2020-12, judged as Confluent's registry does."""

    name = FormatName.JSON
    version = 1

    def parse(self, text: str, dependencies: Sequence[Dependency] = ()) -> JsonSchema:
        """Raises `InvalidSchema` with a pointer, or `TooComplex`."""
        value = read(text)
        library = Library(value, dependencies, Budget())
        checker = compiled(library)
        return JsonSchema(value, compact(value), library, checker)

    def differences(self, reader: Parsed, writer: Parsed) -> tuple[Difference, ...]:
        """Every change from `writer` to `reader`; both policies' verdicts are in each."""
        if not isinstance(reader, JsonSchema) or not isinstance(writer, JsonSchema):
            raise InvalidSchema.at("", "format", "Only two JSON Schemas can be compared.")
        if reader.canonical == writer.canonical and _alone(reader) and _alone(writer):
            return ()
        old, new, budget = _root(writer), _root(reader), Budget()
        if reader.value is True and old.kind is Kind.ANY:
            return ()
        strict = Judge(compare, budget, lenient=False)
        root = strict.pair(old, new)
        if strict.compatible(root):
            return tuple(strict.differences(root))
        lenient = Judge(compare, budget, lenient=True)
        forgiven = lenient.compatible(lenient.pair(old, new))
        return tuple(
            # Lenient readers found another alternative for what breaks strict ones here.
            replace(each, lenient=True) if forgiven and not each.lenient else each
            for each in strict.differences(root)
        )


def _alone(schema: JsonSchema) -> bool:
    return not schema.library.documents


def _root(schema: JsonSchema) -> Node:
    """The node that is compared.

    `true` as a whole schema stands for any object, as Karapace takes it: a subject holds records.
    """
    root = schema.model.root
    if schema.value is True:
        return Node(Kind.OBJECT, root.place, schema.model, type="object")
    return root
