"""Names of types as a `.proto` text may write them: as short as the compiler reads them aright.

Called by `printer`. protoc looks a name's first part up from the innermost scope outwards and
stays with the first that has it, so a short name is only safe where nothing hides that part.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.formats.protobuf.descriptors import File, Message


class Names:
    """The symbols of all files, and how to write one of them from a place."""

    def __init__(self, file: File, files: Iterable[File], *, qualified: bool) -> None:
        self._package = file.package
        self._qualified = qualified
        self._symbols: set[str] = set()
        for each in (*files, file):
            self._add_file(each)

    def written(self, full_name: str, scope: str) -> str:
        """`full_name` (".pkg.Type") as written inside `scope` ("pkg.Outer")."""
        absolute = "." + full_name.lstrip(".")
        if self._qualified:
            return absolute
        path = absolute[1:]
        inside = self._package and path.startswith(self._package + ".")
        home = self._package if inside else ""
        short = path[len(home) + 1 :] if inside else path
        return absolute if self._hidden(short.partition(".")[0], scope, home) else short

    def _hidden(self, first: str, scope: str, home: str) -> bool:
        """Whether a scope inside `home` has a symbol of its own called `first`."""
        while scope and scope != home:
            if f"{scope}.{first}" in self._symbols:
                return True
            scope = scope.rpartition(".")[0]
        return False

    def _add_file(self, file: File) -> None:
        parts = file.package.split(".") if file.package else []
        self._symbols.update(".".join(parts[: at + 1]) for at in range(len(parts)))
        prefix = f"{file.package}." if file.package else ""
        self._symbols.update(prefix + each.name for each in (*file.extension, *file.service))
        self._add_enums(prefix, file)
        for message in file.message_type:
            self._add_message(prefix, message)

    def _add_message(self, prefix: str, message: Message) -> None:
        self._symbols.add(prefix + message.name)
        prefix = f"{prefix}{message.name}."
        for each in (*message.field, *message.extension, *message.oneof_decl):
            self._symbols.add(prefix + each.name)
        self._add_enums(prefix, message)
        for nested in message.nested_type:
            self._add_message(prefix, nested)

    def _add_enums(self, prefix: str, holder: File | Message) -> None:
        for enum in holder.enum_type:
            self._symbols.add(prefix + enum.name)
            self._symbols.update(prefix + value.name for value in enum.value)
