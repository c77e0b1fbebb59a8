"""The parts of a field as a `.proto` text writes them: label, type, JSON name.

Called by `printer` and, for its words on types, by `differences`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.formats.protobuf.descriptors import F, Field, Message

SCALARS: dict[int, str] = {
    F.TYPE_DOUBLE: "double",
    F.TYPE_FLOAT: "float",
    F.TYPE_INT64: "int64",
    F.TYPE_UINT64: "uint64",
    F.TYPE_INT32: "int32",
    F.TYPE_FIXED64: "fixed64",
    F.TYPE_FIXED32: "fixed32",
    F.TYPE_BOOL: "bool",
    F.TYPE_STRING: "string",
    F.TYPE_BYTES: "bytes",
    F.TYPE_UINT32: "uint32",
    F.TYPE_SFIXED32: "sfixed32",
    F.TYPE_SFIXED64: "sfixed64",
    F.TYPE_SINT32: "sint32",
    F.TYPE_SINT64: "sint64",
}
LABELS: dict[int, str] = {
    F.LABEL_OPTIONAL: "optional",
    F.LABEL_REQUIRED: "required",
    F.LABEL_REPEATED: "repeated",
}
REPEATED = "repeated"


@dataclass(frozen=True)
class FieldText:
    label: str
    kind: str
    group: bool

    @property
    def start(self) -> str:
        """All before the name; a group's name stands in its type's place."""
        words = [self.label, "group" if self.group else self.kind]
        return " ".join(word for word in words if word) + " "


def label(field: Field, syntax: str, nested: Mapping[str, Message]) -> str:
    """The label a text has to write; maps, and what is implicit, have none."""
    if field.label == F.LABEL_REPEATED:
        return "" if map_entry(field, nested) else REPEATED
    if syntax == "editions" or (syntax == "proto3" and not field.proto3_optional):
        return ""
    return LABELS[field.label]


def map_entry(field: Field, nested: Mapping[str, Message]) -> Message | None:
    """The generated type behind a map field declared beside `nested` (types by full name)."""
    found = nested.get(field.type_name) if field.type == F.TYPE_MESSAGE else None
    return found if found is not None and found.options.map_entry else None


def nested_types(message: Message, scope: str) -> dict[str, Message]:
    """The types declared in a message, by full name with its leading dot."""
    return {f".{scope}.{inner.name}": inner for inner in message.nested_type}


def type_name(field: Field, nested: Mapping[str, Message], write: Callable[[str], str]) -> str:
    """The type as a text writes it: `int32`, `pkg.Type`, `map<string, pkg.Type>`."""
    if field.type == F.TYPE_GROUP:
        return str(field.type_name.rpartition(".")[2])
    if entry := map_entry(field, nested):
        key, value = entry.field
        return f"map<{type_name(key, {}, write)}, {type_name(value, {}, write)}>"
    return SCALARS.get(field.type) or write(field.type_name)


def json_name(name: str) -> str:
    """The JSON name a field has when none is written: underscores dropped, next letter upper."""
    parts = name.split("_")
    return parts[0] + "".join(part[:1].upper() + part[1:] for part in parts[1:])
