"""Protobuf as one of the registry's formats: parse and compare.

`schemas.formats.registry` holds `PROTOBUF`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from schemas.formats.base import Dependency, Difference, FormatName, Parsed, TooComplex
from schemas.formats.protobuf.compare import compare
from schemas.formats.protobuf.schema import ProtobufSchema, parse


class ProtobufFormat:
    name: Final = FormatName.PROTOBUF
    version: Final = 1

    def parse(self, text: str, dependencies: Sequence[Dependency] = ()) -> ProtobufSchema:
        """`.proto` text or a base64 FileDescriptorProto; dependencies by import path, either."""
        try:
            return parse(text, dependencies)
        except RecursionError as exc:
            raise TooComplex("The schema nests too deeply.") from exc

    def differences(self, reader: Parsed, writer: Parsed) -> tuple[Difference, ...]:
        """By field number, after Confluent Schema Registry's rules for Protobuf."""
        if not isinstance(reader, ProtobufSchema) or not isinstance(writer, ProtobufSchema):
            raise TypeError("both sides have to be Protobuf schemas")
        return compare(reader, writer)


PROTOBUF: Final = ProtobufFormat()
