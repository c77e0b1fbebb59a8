"""Prints a descriptor as `.proto` text that compiles back to it.

Called by `schema`. Comments are gone (a descriptor has none); everything else that a text can say
is kept. A message's nested types keep their places, as records name a nested type by its place
and maps and groups make types of their own: `members` says what stands between what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from schemas.formats.protobuf.descriptors import Enum, Field, File, Message, Options
from schemas.formats.protobuf.fields import (
    FieldText,
    json_name,
    label,
    nested_types,
    type_name,
)
from schemas.formats.protobuf.members import Member, Nested, OneOf, members
from schemas.formats.protobuf.names import Names
from schemas.formats.protobuf.options import assignments, quoted

MAX_FIELD = 536_870_911
MAX_ENUM = 2_147_483_647
VISIBILITY = {1: "local ", 2: "export "}
Types = Mapping[str, Message]  # by full name with its leading dot


def print_file(file: File, files: Iterable[File], *, qualified: bool = False) -> str:
    """The text; `qualified` writes every type with its full name and sorts options."""
    return "\n".join(_Printer(file, Names(file, files, qualified=qualified), qualified).lines())


class _Printer:
    def __init__(self, file: File, names: Names, qualified: bool) -> None:
        self._file = file
        self._names = names
        self._qualified = qualified
        self._editions = file.syntax == "editions"

    def lines(self) -> Iterator[str]:
        file = self._file
        yield self._syntax()
        if file.package:
            yield f"package {file.package};"
        yield from self._separated([self._imports(), self._options(file.options, file.package)])
        yield from self._types(file)
        for service in file.service:
            yield ""
            yield from self._service(service)
        yield ""

    def _separated(self, blocks: Iterable[Iterable[str]]) -> Iterator[str]:
        for block in blocks:
            lines = list(block)
            if lines:
                yield ""
                yield from lines

    def _types(self, file: File) -> Iterator[str]:
        start = f".{file.package}." if file.package else "."
        nested = {start + message.name: message for message in file.message_type}
        grouped = {field.type_name for field in file.extension if field.type == field.TYPE_GROUP}
        for name, message in nested.items():
            if name not in grouped:
                yield ""
                yield from self._message(message, file.package)
        for enum in file.enum_type:
            yield ""
            yield from self._enum(enum, file.package)
        yield from self._extensions(file, nested, file.package, blank=True)

    def _syntax(self) -> str:
        if self._editions:
            edition = type(self._file).DESCRIPTOR.fields_by_name["edition"].enum_type
            name = edition.values_by_number[self._file.edition].name
            return f'edition = "{name.removeprefix("EDITION_")}";'
        return f'syntax = "{self._file.syntax or "proto2"}";'

    def _imports(self) -> Iterator[str]:
        file = self._file
        for at, name in enumerate(file.dependency):
            kind = "public " if at in file.public_dependency else ""
            kind = "weak " if at in file.weak_dependency else kind
            yield f"import {kind}{quoted(name)};"
        for name in file.option_dependency:
            yield f"import option {quoted(name)};"

    def _assignments(self, options: Options, scope: str) -> list[str]:
        def write(name: str) -> str:
            return self._names.written(name, scope)

        return assignments(options, write, by_name=self._qualified)

    def _options(self, options: Options, scope: str) -> Iterator[str]:
        for assignment in self._assignments(options, scope):
            yield f"option {assignment};"

    def _bracketed(self, assigned: list[str]) -> str:
        return f" [{', '.join(assigned)}]" if assigned else ""

    def _message(self, message: Message, scope: str) -> Iterator[str]:
        yield f"{VISIBILITY.get(message.visibility, '')}message {message.name} {{"
        yield from _indented(self._body(message, _join(scope, message.name)))
        yield "}"

    def _body(self, message: Message, scope: str) -> Iterator[str]:
        yield from self._reserved(message, MAX_FIELD, inclusive=False)
        yield from self._options(message.options, scope)
        nested = nested_types(message, scope)
        for member in members(message, nested):
            yield from self._member(member, nested, scope)
        for enum in message.enum_type:
            yield from self._enum(enum, scope)
        for taken in message.extension_range:
            assigned = self._bracketed(self._assignments(taken.options, scope))
            yield f"extensions {_range(taken.start, taken.end - 1, MAX_FIELD)}{assigned};"
        yield from self._extensions(message, nested, scope)

    def _member(self, member: Member, nested: Types, scope: str) -> Iterator[str]:
        match member:
            case Nested(inner):
                yield from self._message(inner, scope)
            case OneOf(declared, fields):
                yield f"oneof {declared.name} {{"
                yield from _indented(self._options(declared.options, scope))
                for field in fields:
                    yield from _indented(self._field(field, nested, scope, bare=True))
                yield "}"
            case _:
                yield from self._field(member, nested, scope)

    def _field(
        self, field: Field, nested: Types, scope: str, *, bare: bool = False
    ) -> Iterator[str]:
        parts = FieldText(
            label="" if bare else label(field, self._file.syntax, nested),
            kind=type_name(field, nested, lambda name: self._names.written(name, scope)),
            group=field.type == field.TYPE_GROUP,
        )
        assigned = [*self._special(field), *self._assignments(field.options, scope)]
        name = parts.kind if parts.group else field.name
        head = f"{parts.start}{name} = {field.number}{self._bracketed(assigned)}"
        inner = nested.get(field.type_name) if parts.group else None
        if inner is None:
            yield f"{head};"
            return
        yield f"{head} {{"
        yield from _indented(self._body(inner, _join(scope, inner.name)))
        yield "}"

    def _special(self, field: Field) -> Iterator[str]:
        """What is written like an option and is none."""
        if field.HasField("default_value"):
            text = field.default_value
            if field.type == field.TYPE_STRING:
                text = quoted(text)
            elif field.type == field.TYPE_BYTES:
                text = f'"{text}"'  # held escaped
            yield f"default = {text}"
        if (
            field.HasField("json_name")
            and not field.extendee
            and field.json_name != json_name(field.name)
        ):
            yield f"json_name = {quoted(field.json_name)}"

    def _extensions(
        self, holder: File | Message, nested: Types, scope: str, *, blank: bool = False
    ) -> Iterator[str]:
        last = ""
        for field in holder.extension:
            if field.extendee != last:
                if last:
                    yield "}"
                if blank:
                    yield ""
                yield f"extend {self._names.written(field.extendee, scope)} {{"
                last = field.extendee
            yield from _indented(self._field(field, nested, scope))
        if last:
            yield "}"

    def _enum(self, enum: Enum, scope: str) -> Iterator[str]:
        yield f"{VISIBILITY.get(enum.visibility, '')}enum {enum.name} {{"
        inside = _join(scope, enum.name)
        yield from _indented(self._reserved(enum, MAX_ENUM, inclusive=True))
        yield from _indented(self._options(enum.options, inside))
        for value in enum.value:
            assigned = self._bracketed(self._assignments(value.options, inside))
            yield f"  {value.name} = {value.number}{assigned};"
        yield "}"

    def _reserved(self, holder: Message | Enum, most: int, *, inclusive: bool) -> Iterator[str]:
        ranges = [
            _range(taken.start, taken.end - (not inclusive), most)
            for taken in holder.reserved_range
        ]
        if ranges:
            yield f"reserved {', '.join(ranges)};"
        names = [name if self._editions else quoted(name) for name in holder.reserved_name]
        if names:
            yield f"reserved {', '.join(names)};"

    def _service(self, service: Message) -> Iterator[str]:
        scope = _join(self._file.package, service.name)
        yield f"service {service.name} {{"
        yield from _indented(self._options(service.options, scope))
        for method in service.method:
            asked = self._stream(method.client_streaming, method.input_type, scope)
            given = self._stream(method.server_streaming, method.output_type, scope)
            head = f"  rpc {method.name} ({asked}) returns ({given})"
            inner = list(self._options(method.options, scope))
            if not inner:
                yield f"{head};"
                continue
            yield f"{head} {{"
            yield from _indented(_indented(inner))
            yield "  }"
        yield "}"

    def _stream(self, streaming: bool, kind: str, scope: str) -> str:
        return f"{'stream ' if streaming else ''}{self._names.written(kind, scope)}"


def _range(first: int, last: int, most: int) -> str:
    if first == last:
        return str(first)
    return f"{first} to {'max' if last >= most else last}"


def _join(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else line for line in lines)
