"""A Protobuf schema that was understood: its descriptor, its files, its printed texts.

Called by `language`. What protoc compiles is kept by content in a bounded store, as compiling
costs milliseconds and the same versions are compared again and again.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from schemas.formats.base import Dependency, FormatName, InvalidSchema
from schemas.formats.protobuf.builtin import needed
from schemas.formats.protobuf.compiler import compile_files
from schemas.formats.protobuf.descriptors import File, Message, with_custom_options
from schemas.formats.protobuf.layout import Layout
from schemas.formats.protobuf.mapentries import REFUSED, with_maps, without_option
from schemas.formats.protobuf.normal import normalised
from schemas.formats.protobuf.printer import print_file
from schemas.formats.protobuf.source import MAIN, Source, mentions, read, read_dependencies
from schemas.formats.protobuf.types import Type, types_of

SERIALIZED_NAME: Final = "default"  # what clients call the file of the schema itself


@dataclass(frozen=True, eq=False)
class ProtobufSchema:
    """`file` is the schema's own; `files` are all it needs, imports first, itself last."""

    file: File = field(repr=False)
    files: tuple[File, ...] = field(repr=False)
    canonical: str
    format: FormatName = FormatName.PROTOBUF

    @property
    def text(self) -> str:
        return self.canonical

    @property
    def name(self) -> str:
        """The first message's full name; empty when there is none."""
        names = [message.name for message in self.file.message_type[:1]]
        return ".".join(part for part in (self.file.package, *names) if part) if names else ""

    @cached_property
    def types(self) -> dict[str, Type]:
        """Its messages and those it imports, by full name with the leading dot."""
        return types_of(self.files)

    @cached_property
    def layouts(self) -> dict[str, Layout]:
        """Messages as a comparison reads them, by full name; filled as they are met."""
        return {}

    @cached_property
    def normalised(self) -> str:
        return print_file(normalised(self.file), self.files, qualified=True)


def serialized(parsed: ProtobufSchema) -> str:
    """The schema as a base64 FileDescriptorProto, for `format=serialized`."""
    file = type(parsed.file)()
    file.CopyFrom(parsed.file)
    file.name = SERIALIZED_NAME
    return base64.b64encode(file.SerializeToString(deterministic=True)).decode()


def parse(text: str, dependencies: Sequence[Dependency] = ()) -> ProtobufSchema:
    """Raises `InvalidSchema` with line and column, or `TooComplex`."""
    given = read_dependencies(dependencies)
    source = read(MAIN, text)
    if (known := KNOWN.get(source, given)) is not None:
        return known
    parsed = _understood(source, given)
    if source.file is not None:
        parsed = _written_out(parsed, given)
    KNOWN.put(source, given, parsed)
    # Stored schemas come back as their canonical text.
    KNOWN.put(Source(MAIN, parsed.canonical.strip()), given, parsed)
    return parsed


def _compiled(source: Source, given: Sequence[Source]) -> ProtobufSchema:
    everything = [*given, source]
    texts = needed(mentions(everything))
    texts |= {each.name: each.text for each in everything if each.file is None}
    ready = [each.file for each in everything if each.file is not None]
    files = compile_files(MAIN, texts, ready)
    file = with_custom_options(files[-1], files)
    return ProtobufSchema(file, files, print_file(file, files))


def _understood(source: Source, given: Sequence[Source]) -> ProtobufSchema:
    """The schema of a text, also of one that writes the entries of its maps out."""
    try:
        return _compiled(source, given)
    except InvalidSchema as exc:
        if REFUSED not in exc.message or source.file is not None:
            raise
    bare = _compiled(Source(MAIN, without_option(source.text)), given)
    return _written_out(_compiled(Source(MAIN, "", with_maps(bare.files[-1])), given), given)


def _written_out(parsed: ProtobufSchema, given: Sequence[Source]) -> ProtobufSchema:
    """A descriptor's schema as its own text gives it: text and base64 are one schema then.

    A message's place is part of every record of a nested type, so a descriptor whose messages
    no text puts in that order is refused.
    """
    source = read(MAIN, parsed.canonical)
    again = KNOWN.get(source, given) or _compiled(source, given)
    if _places(again.file.message_type) != _places(parsed.file.message_type):
        raise InvalidSchema.at("/", "order", "No .proto text gives the messages in this order.")
    return again


def _places(messages: Sequence[Message]) -> list[tuple[str, object]]:
    """Names in order; the type that a map makes is never a record's, only its place counts."""
    return [
        ("" if message.options.map_entry else message.name, _places(message.nested_type))
        for message in messages
    ]


class Store:
    """Parsed schemas by content, the least used dropped first; safe between threads."""

    def __init__(self, characters: int) -> None:
        self._most = characters
        self._held = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[int, ProtobufSchema]] = OrderedDict()

    def get(self, source: Source, given: Sequence[Source]) -> ProtobufSchema | None:
        key = _key(source, given)
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][1]

    def put(self, source: Source, given: Sequence[Source], parsed: ProtobufSchema) -> None:
        key = _key(source, given)
        weight = len(parsed.canonical) + sum(len(each.text) for each in given) + 1_000
        with self._lock:
            self._held += weight - self._kept.pop(key, (0, parsed))[0]
            self._kept[key] = (weight, parsed)
            while self._held > self._most:
                self._held -= self._kept.popitem(last=False)[1][0]


def _key(source: Source, given: Sequence[Source]) -> bytes:
    digest = hashlib.sha256()
    for each in (*given, source):
        for word in (each.name, each.text):
            digest.update(b"%d:" % len(word))
            digest.update(word.encode())
    return digest.digest()


KNOWN: Final = Store(characters=8_000_000)
