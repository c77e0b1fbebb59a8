"""Texts that write a map's entry out: `message TagsEntry { option map_entry = true; … }`.

Called by `schema`. Registries print maps so when they got them as descriptors, and take such texts
back; protoc refuses them. Here the option is taken from the text, and set again on the compiled
descriptor wherever a field and its entry have the form that a map gives them.
"""

from __future__ import annotations

import re
from typing import Final

from schemas.formats.protobuf.descriptors import F, File, Message
from schemas.formats.protobuf.fields import json_name, nested_types

REFUSED: Final = "map_entry should not be set explicitly"
WRITTEN: Final = re.compile(r"\boption\s{1,20}map_entry\s{0,20}=\s{0,20}true\s{0,20};")
ENTRY: Final = [("key", 1), ("value", 2)]


def without_option(text: str) -> str:
    return WRITTEN.sub("", text)


def with_maps(file: File) -> File:
    """A copy in which entries are entries again."""
    copy = type(file)()
    copy.CopyFrom(file)
    for message in copy.message_type:
        _mark(message, f"{copy.package}.{message.name}" if copy.package else message.name)
    return copy


def _mark(message: Message, scope: str) -> None:
    nested = nested_types(message, scope)
    for field in message.field:
        entry = nested.get(field.type_name)
        if entry is not None and field.label == F.LABEL_REPEATED and _fits(field.name, entry):
            entry.options.map_entry = True
            for part in entry.field:
                part.ClearField("proto3_optional")
    for inner in message.nested_type:
        _mark(inner, f"{scope}.{inner.name}")


def _fits(name: str, entry: Message) -> bool:
    camel = json_name(name)
    return (
        entry.name == f"{camel[:1].upper()}{camel[1:]}Entry"
        and [(part.name, part.number) for part in entry.field] == ENTRY
        and not entry.oneof_decl
    )
