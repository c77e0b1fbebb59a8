"""Container files as another library writes them, and as nobody should."""

from __future__ import annotations

import io
import json
from typing import Any

import fastavro

SYNC = b"0123456789abcdef"


def packed(schema: Any, records: list[Any], codec: str = "null") -> bytes:
    """A file that `fastavro` wrote."""
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records, codec=codec, sync_interval=200)
    return out.getvalue()


def long(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def text(value: bytes) -> bytes:
    return long(len(value)) + value


def header(schema: Any, codec: str = "null") -> bytes:
    told = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    entries = text(b"avro.schema") + text(told) + text(b"avro.codec") + text(codec.encode())
    return b"Obj\x01" + long(2) + entries + long(0) + SYNC


def block(data: bytes, count: int, sync: bytes = SYNC) -> bytes:
    return long(count) + text(data) + sync
