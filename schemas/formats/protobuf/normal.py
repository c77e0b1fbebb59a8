"""The normal form of a descriptor: order that means nothing is sorted away.

Called by `schema` for `normalize=true`. Imports go by name, fields by number, enum constants by
number, extensions and reservations likewise; types keep their order, as records name a message
by its place. Printing sorts options and qualifies names.
"""

from __future__ import annotations

from schemas.formats.protobuf.descriptors import Enum, File, Message


def normalised(file: File) -> File:
    """A copy in normal form."""
    copy = type(file)()
    copy.CopyFrom(file)
    _imports(copy)
    copy.extension.sort(key=lambda field: (field.extendee, field.number))
    copy.service.sort(key=lambda service: service.name)
    for service in copy.service:
        service.method.sort(key=lambda method: method.name)
    for enum in copy.enum_type:
        _enum(enum)
    for message in copy.message_type:
        _message(message)
    return copy


def _imports(file: File) -> None:
    public = {file.dependency[index] for index in file.public_dependency}
    weak = {file.dependency[index] for index in file.weak_dependency}
    names = sorted(file.dependency)
    del file.dependency[:], file.public_dependency[:], file.weak_dependency[:]
    file.dependency.extend(names)
    file.public_dependency.extend(at for at, name in enumerate(names) if name in public)
    file.weak_dependency.extend(at for at, name in enumerate(names) if name in weak)
    file.option_dependency.sort()


def _message(message: Message) -> None:
    message.field.sort(key=lambda field: field.number)
    message.extension.sort(key=lambda field: (field.extendee, field.number))
    message.reserved_range.sort(key=lambda taken: taken.start)
    message.extension_range.sort(key=lambda taken: taken.start)
    message.reserved_name.sort()
    for enum in message.enum_type:
        _enum(enum)
    for nested in message.nested_type:
        _message(nested)


def _enum(enum: Enum) -> None:
    # The first constant is the default and stays first: an open enum must start with zero.
    first = enum.value[0].number if enum.value else 0
    enum.value.sort(key=lambda value: (value.number != first, value.number))
    enum.reserved_range.sort(key=lambda taken: taken.start)
    enum.reserved_name.sort()
