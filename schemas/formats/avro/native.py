"""JSON values as Python's Avro libraries take them: bytes are bytes, unions are plain.

The code that pages show begins with such a record.
"""

from __future__ import annotations

from typing import Any

from schemas.formats.avro.model import Array, MapOf, Record, Type, Union
from schemas.formats.avro.records import RecordChecker
from schemas.formats.base import Budget


def native(root: Type, value: Any) -> Any:
    """A value that `check_record` finds no fault with, as a writer in Python is given it."""
    return _Native(RecordChecker(Budget(), {})).of(root, value)


class _Native:
    def __init__(self, checker: RecordChecker) -> None:
        self._checker = checker

    def of(self, node: Type, value: Any) -> Any:
        if isinstance(node, Union):
            return self._branch(node, value)
        if isinstance(node, Record) and isinstance(value, dict):
            types = {field.name: field.type for field in node.fields}
            return {name: self.of(types[name], child) for name, child in value.items()}
        if isinstance(node, Array) and isinstance(value, list):
            return [self.of(node.items, child) for child in value]
        if isinstance(node, MapOf) and isinstance(value, dict):
            return {key: self.of(node.values, child) for key, child in value.items()}
        if node.kind in {"bytes", "fixed"} and isinstance(value, str):
            return value.encode("latin-1")
        return value

    def _branch(self, node: Union, value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1:
            [(tag, inner)] = value.items()
            at = node.tags.get(tag)
            if at is not None and not self._checker.check(node.branches[at], inner):
                return self.of(node.branches[at], inner)
        for branch in node.branches:
            if not self._checker.check(branch, value):
                return self.of(branch, value)
        return value
