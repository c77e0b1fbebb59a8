"""The types of a schema and of all it imports, by full name.

Built once a schema by `schema`, looked up by `compare`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.formats.protobuf.descriptors import F, File, Message
from schemas.formats.protobuf.fields import nested_types


@dataclass(frozen=True, eq=False)
class Type:
    """A message with where it stands."""

    message: Message
    file: File
    full_name: str
    nested: dict[str, Message]
    known: dict[str, Type]  # all types of the schema, itself among them
    own: bool  # declared in the schema's own file, not in an import

    @property
    def local_name(self) -> str:
        """The name without its package: `Outer.Inner`."""
        package = self.file.package
        return self.full_name[len(package) + 1 :] if package else self.full_name

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(self.local_name.split("."))


def types_of(files: Sequence[File]) -> dict[str, Type]:
    """Every message of the files (the schema's own last) by full name with its leading dot."""
    found: dict[str, Type] = {}
    for file in files:
        waiting = [(file.package, message) for message in file.message_type]
        while waiting:
            scope, message = waiting.pop()
            name = f"{scope}.{message.name}" if scope else message.name
            found["." + name] = Type(
                message, file, name, nested_types(message, name), found, file is files[-1]
            )
            waiting += [(name, inner) for inner in message.nested_type]
    return found


def groups(message: Message) -> set[str]:
    """Full names of the types that group fields declare: part of a field, no type by itself."""
    return {
        inner.type_name
        for inner in (*message.field, *message.extension)
        if inner.type == F.TYPE_GROUP
    }
