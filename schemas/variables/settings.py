"""What a workload would find in its environment, and the schema that its code declares for it.

Rendered from `environment.yaml` into a plan's facts, read from there by gate and pages. Values of
secrets and outputs are never held: only that they are there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from idp.common.errors import FieldError, Invalid
from schemas import naming, parsing, selectors
from schemas.errors import InvalidSubject
from schemas.formats.base import FormatName
from schemas.formats.json import JsonSchema
from schemas.models import SubjectVersion
from schemas.naming import SubjectName

FACT = "config"  # its name among a plan's facts
MAX_INLINE = 64_000  # characters of a schema that stands in environment.yaml


class Source(StrEnum):
    """Where a variable comes from; only of the first two has its owner said every name."""

    VARIABLE = "variable"
    SECRET = "secret"  # noqa: S105 - a kind of source, no secret
    OUTPUT = "output"
    BLUEPRINT = "blueprint"


@dataclass(frozen=True)
class Value:
    """One environment variable; `text` None: it will be there, its value is not for us to know."""

    name: str
    source: str = Source.VARIABLE
    text: str | None = None
    at: str = ""  # where it is set


@dataclass(frozen=True)
class Settings:
    """A workload's environment beside the schema that it has to fit.

    `unseen` names objects that bring variables which nobody here can list.
    """

    workload: str
    subject: str = ""
    version: int = 0
    schema: str = ""  # inline, where no subject is named
    values: tuple[Value, ...] = ()
    unseen: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def called(self) -> str:
        """The schema's name in sentences."""
        return f"{self.subject} version {self.version}" if self.subject else "its own schema"

    @property
    def name(self) -> SubjectName:
        return naming.parse(self.subject)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        values = tuple(Value(**one) for one in data["values"])
        return cls(**{**data, "values": values, "unseen": tuple(data["unseen"])})


def to_facts(found: Sequence[Settings]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found]


def of_facts(facts: Mapping[str, Any]) -> list[Settings]:
    """The settings of a plan; empty where no workload declares a schema."""
    return [Settings.from_json(one) for one in facts.get(FACT, ())]


# -- the schema that is declared --------------------------------------------------------------


def declared_version(subject: str, version: int, at: str) -> SubjectVersion:
    """The version that a workload names; raises `Invalid` at `at` for one that cannot be used."""
    try:
        name = naming.parse(subject)
    except InvalidSubject as error:
        raise _wrong(f"{at}.subject", error.message, "Name a subject.") from None
    found = selectors.find_subject(name)
    if found is None or not found.last_version:
        fix = "Register it first, or look for a misspelling."
        raise _wrong(f"{at}.subject", f"There is no subject “{name}”.", fix)
    row = found.versions.select_related("schema").filter(number=version).first()
    if row is None:
        fix = "Register it first, or name a version that exists."
        raise _wrong(f"{at}.version", f"Subject {name} has no version {version}.", fix)
    if row.schema.format != FormatName.JSON:
        message = f"Subject {name} holds {row.schema.format}; variables are described in JSON."
        raise _wrong(f"{at}.subject", message, "Register a JSON Schema of the variables.")
    row.subject = found
    return row


def inline_text(schema: Mapping[str, Any], at: str) -> str:
    """The text of a schema that stands in the file; raises `Invalid` at `at` for a wrong one."""
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise _wrong(at, "It holds what is no JSON.", "Quote dates and the like.") from None
    if len(text) > MAX_INLINE:
        message = f"It has {len(text)} characters; {MAX_INLINE} are the most."
        raise _wrong(at, message, "Register it, and name its subject and version here.")
    try:
        parse_text(text)
    except Invalid as error:
        where = error.errors[0].field.replace("/", ".") if error.errors else ""
        raise _wrong(f"{at}{where}", error.message, error.fix) from error
    return text


def parse_text(text: str) -> JsonSchema:
    """Raises `InvalidSchema` and `TooComplex`."""
    parsed = parsing.parse(FormatName.JSON, text)
    if not isinstance(parsed, JsonSchema):
        raise TypeError("A JSON Schema was parsed as something else.")
    return parsed


def _wrong(at: str, message: str, fix: str) -> Invalid:
    return Invalid(message, fix=fix, errors=[FieldError(at, "config", message, fix)])
