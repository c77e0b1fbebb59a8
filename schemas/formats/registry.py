"""The formats by name: the one place where the registry meets its engines."""

from __future__ import annotations

from schemas.formats import avro, openapi, protobuf
from schemas.formats.base import Format, FormatName
from schemas.formats.json.language import JsonFormat

_FORMATS: dict[FormatName, Format] = {
    FormatName.AVRO: avro.FORMAT,
    FormatName.JSON: JsonFormat(),
    FormatName.PROTOBUF: protobuf.PROTOBUF,
    FormatName.OPENAPI: openapi.FORMAT,
}


def get(name: FormatName) -> Format:
    """The engine of a format."""
    return _FORMATS[FormatName(name)]
