"""Reads what was given: `.proto` text or a base64 FileDescriptorProto, and names of dependencies.

Everything here is hostile until checked: names become paths below a private directory, sizes
bound what the compiler is given.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.formats.base import MAX_TEXT, Dependency, InvalidSchema, TooComplex
from schemas.formats.protobuf.builtin import CONFLUENT
from schemas.formats.protobuf.descriptors import File, decode

MAX_DEPENDENCIES: Final = 200
MAX_TOTAL: Final = 4 * MAX_TEXT  # characters of a schema with all that it imports
MAIN: Final = "__main__.proto"  # what the compiler calls the schema itself
MAX_PATH: Final = 500
BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
SEGMENT: Final = re.compile(r"[A-Za-z0-9_.+@~-]{1,200}")
BUILT_IN: Final = ("google/protobuf/",)


@dataclass(frozen=True)
class Source:
    """One file as it was given: text, or a descriptor when the text was base64."""

    name: str
    text: str
    file: File | None = None


def read(name: str, given: str) -> Source:
    """The source of one file; raises `InvalidSchema` or `TooComplex`."""
    if len(given) > MAX_TEXT:
        raise TooComplex(f"A schema may have {MAX_TEXT:,} characters.")
    text = given.strip()
    if not text:
        raise InvalidSchema.at("/", "empty", "The schema is empty.")
    if BASE64.fullmatch(text.replace("\n", "")):
        file = decode(_unpacked(text))
        file.name = name  # importers know it by this name, whatever its author's disk called it
        file.ClearField("source_code_info")
        return Source(name, text, file)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidSchema.at("/", "utf8", "The text holds half a character.") from exc
    return Source(name, text)


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error as exc:
        raise InvalidSchema.at("/", "base64", "The text is neither .proto nor base64.") from exc


def read_dependencies(given: Sequence[Dependency]) -> list[Source]:
    """The sources of references, each name once; those the compiler brings itself are left out."""
    if len(given) > MAX_DEPENDENCIES:
        raise TooComplex(f"A schema may have {MAX_DEPENDENCIES} dependencies.")
    if sum(len(dependency.text) for dependency in given) > MAX_TOTAL:
        raise TooComplex(f"Dependencies may have {MAX_TOTAL:,} characters together.")
    found: dict[str, Source] = {}
    for dependency in given:
        name = _path(dependency.name)
        if not (name.startswith(BUILT_IN) or name in CONFLUENT):
            found[name] = read(name, dependency.text)
    return list(found.values())


def _path(name: str) -> str:
    """The name, when it is a path below the import root and no other kind."""
    parts = name.split("/")
    if (
        len(name) > MAX_PATH
        or any(not SEGMENT.fullmatch(part) for part in parts)
        or {".", "..", MAIN} & set(parts)
    ):
        raise InvalidSchema.at(
            name[:100],
            "import",
            "A reference's name is no import path.",
            "Name it as the import statement does: “orders/item.proto”.",
        )
    return name


def mentions(sources: Sequence[Source]) -> str:
    """A text that holds each import of the sources, to look names up in."""
    return "\n".join(
        "\n".join(source.file.dependency) if source.file else source.text for source in sources
    )
