"""Protocol Buffers: `.proto` text or base64 descriptors, compiled by protoc in a process apart.

`schemas.formats.registry` uses `PROTOBUF`; the wire API also `serialized` (`format=serialized`),
the data check `check_record` and `example`.
"""

from schemas.formats.protobuf.language import PROTOBUF, ProtobufFormat
from schemas.formats.protobuf.records import check_record, example
from schemas.formats.protobuf.schema import ProtobufSchema, serialized

__all__ = [
    "PROTOBUF",
    "ProtobufFormat",
    "ProtobufSchema",
    "check_record",
    "example",
    "serialized",
]
