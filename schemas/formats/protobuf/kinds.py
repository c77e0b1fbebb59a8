"""What may differ between two Protobuf schemas, and which of it readers survive.

Confluent Schema Registry, "Protobuf compatibility rules": the kinds and the set of compatible ones
are those of its comparer. Lenient judges as strict does: the registry knows one set of rules that
tells bad from good here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from schemas.formats.protobuf.descriptors import F, Field, File, Message
from schemas.formats.protobuf.fields import map_entry
from schemas.formats.protobuf.members import in_oneof

EDITION_REQUIRED: Final = 3  # FeatureSet.LEGACY_REQUIRED
EDITION_DELIMITED: Final = 2  # FeatureSet.DELIMITED


class Kind(StrEnum):
    PACKAGE_CHANGED = "PACKAGE_CHANGED"
    MESSAGE_ADDED = "MESSAGE_ADDED"
    MESSAGE_REMOVED = "MESSAGE_REMOVED"
    MESSAGE_MOVED = "MESSAGE_MOVED"
    ENUM_ADDED = "ENUM_ADDED"
    ENUM_REMOVED = "ENUM_REMOVED"
    ENUM_CONST_ADDED = "ENUM_CONST_ADDED"
    ENUM_CONST_CHANGED = "ENUM_CONST_CHANGED"
    ENUM_CONST_REMOVED = "ENUM_CONST_REMOVED"
    ENUM_VALUE_DELETED_NO_NUMBER_RESERVED = "ENUM_VALUE_DELETED_NO_NUMBER_RESERVED"
    RESERVED_ENUM_VALUE_NUMBER_DELETED = "RESERVED_ENUM_VALUE_NUMBER_DELETED"
    FIELD_ADDED = "FIELD_ADDED"
    FIELD_REMOVED = "FIELD_REMOVED"
    FIELD_DELETED_NO_NUMBER_RESERVED = "FIELD_DELETED_NO_NUMBER_RESERVED"
    RESERVED_FIELD_NUMBER_DELETED = "RESERVED_FIELD_NUMBER_DELETED"
    FIELD_NAME_CHANGED = "FIELD_NAME_CHANGED"
    FIELD_KIND_CHANGED = "FIELD_KIND_CHANGED"
    FIELD_SCALAR_KIND_CHANGED = "FIELD_SCALAR_KIND_CHANGED"
    FIELD_NAMED_TYPE_CHANGED = "FIELD_NAMED_TYPE_CHANGED"
    FIELD_NUMERIC_LABEL_CHANGED = "FIELD_NUMERIC_LABEL_CHANGED"
    FIELD_STRING_OR_BYTES_LABEL_CHANGED = "FIELD_STRING_OR_BYTES_LABEL_CHANGED"
    REQUIRED_FIELD_ADDED = "REQUIRED_FIELD_ADDED"
    REQUIRED_FIELD_REMOVED = "REQUIRED_FIELD_REMOVED"
    ONEOF_ADDED = "ONEOF_ADDED"
    ONEOF_REMOVED = "ONEOF_REMOVED"
    ONEOF_FIELD_ADDED = "ONEOF_FIELD_ADDED"
    ONEOF_FIELD_REMOVED = "ONEOF_FIELD_REMOVED"
    ONEOF_FIELD_MOVED_TO_TOP_LEVEL = "ONEOF_FIELD_MOVED_TO_TOP_LEVEL"
    MULTIPLE_FIELDS_MOVED_TO_ONEOF = "MULTIPLE_FIELDS_MOVED_TO_ONEOF"
    FIELD_MOVED_TO_EXISTING_ONEOF = "FIELD_MOVED_TO_EXISTING_ONEOF"


INCOMPATIBLE: Final = frozenset(
    {
        Kind.PACKAGE_CHANGED,
        Kind.MESSAGE_REMOVED,
        Kind.FIELD_KIND_CHANGED,
        Kind.FIELD_SCALAR_KIND_CHANGED,
        Kind.FIELD_NAMED_TYPE_CHANGED,
        Kind.FIELD_NUMERIC_LABEL_CHANGED,
        Kind.REQUIRED_FIELD_ADDED,
        Kind.REQUIRED_FIELD_REMOVED,
        Kind.ONEOF_FIELD_REMOVED,
        Kind.MULTIPLE_FIELDS_MOVED_TO_ONEOF,
        Kind.FIELD_MOVED_TO_EXISTING_ONEOF,
    }
)


class Shape(StrEnum):
    """How a value lies on the wire, at the coarsest."""

    SCALAR = "scalar"
    MAP = "map"
    MESSAGE = "message"
    GROUP = "group"


TEXT: Final = "string or bytes"
VARINT: Final = "varint"
# Scalars of one family read each other's bytes: the language guide, "Updating a message type".
FAMILIES: Final[dict[int, str]] = {
    F.TYPE_INT32: VARINT,
    F.TYPE_INT64: VARINT,
    F.TYPE_UINT32: VARINT,
    F.TYPE_UINT64: VARINT,
    F.TYPE_BOOL: VARINT,
    F.TYPE_ENUM: VARINT,
    F.TYPE_SINT32: "zigzag",
    F.TYPE_SINT64: "zigzag",
    F.TYPE_STRING: TEXT,
    F.TYPE_BYTES: TEXT,
    F.TYPE_FIXED32: "32 bits",
    F.TYPE_SFIXED32: "32 bits",
    F.TYPE_FIXED64: "64 bits",
    F.TYPE_SFIXED64: "64 bits",
    F.TYPE_FLOAT: "float",
    F.TYPE_DOUBLE: "double",
}


def shape(field: Field, file: File, nested: Mapping[str, Message]) -> Shape:
    if field.type == F.TYPE_GROUP:
        return Shape.GROUP
    if field.type != F.TYPE_MESSAGE:
        return Shape.SCALAR
    if map_entry(field, nested) is not None:
        return Shape.MAP
    encoding = field.options.features.message_encoding or file.options.features.message_encoding
    return Shape.GROUP if encoding == EDITION_DELIMITED else Shape.MESSAGE


def written_label(field: Field, file: File) -> int | None:
    """The label that the text states; None where it states none, which equals every label."""
    if field.label == F.LABEL_REPEATED:
        return int(F.LABEL_REPEATED)
    if in_oneof(field):
        return None
    if file.syntax == "editions":
        return int(F.LABEL_REQUIRED) if required(field, file) else None
    if file.syntax == "proto3":
        return int(F.LABEL_OPTIONAL) if field.proto3_optional else None
    return int(field.label)


def required(field: Field, file: File) -> bool:
    if file.syntax != "editions":
        return bool(field.label == F.LABEL_REQUIRED)
    return bool(field.options.features.field_presence == EDITION_REQUIRED)
