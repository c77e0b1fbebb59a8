"""Whether a field's default fits its type, by the rules that registries hold new schemas to.

Specification, "Complex Types", the table of field default values; texts of bytes, fixed and enum
are taken as they are, as Java does.
"""

from __future__ import annotations

from typing import Any, Final

from schemas.formats.avro.model import (
    MISSING,
    Array,
    Enum,
    Field,
    Fixed,
    MapOf,
    Primitive,
    Record,
    Type,
    Union,
    described,
)
from schemas.formats.avro.text import compact
from schemas.formats.base import Budget, InvalidSchema, TooComplex

_RANGES: Final = {"int": 2**31, "long": 2**63}
_DEEPEST: Final = 100  # records, lists and maps in each other
_SHOWN: Final = 60  # characters of a wrong default


class DefaultChecker:
    """Judges each pair of type and value once: defaults may lead to defaults."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[tuple[int, int], bool] = {}
        self._depth = 0

    def check(self, field: Field, at: str) -> None:
        """Raises `InvalidSchema` when the default is no value of the field's type."""
        if self.fits(field.type, field.default):
            return
        shown = compact(field.default)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        raise InvalidSchema.at(
            at,
            "invalid_default",
            f"the default {shown} of {field.name} is no value of {described(field.type)}",
            "Give a default of the field's type, or none.",
        )

    def fits(self, node: Type, value: Any) -> bool:
        self._budget.spend()
        if isinstance(node, Primitive | Enum | Fixed):
            return simple_fits(node.kind, value)
        if isinstance(node, Union):
            return any(self.fits(branch, value) for branch in node.branches)
        key = (id(node), id(value))
        if key not in self._known:
            self._known[key] = False  # a default that contains itself has no end
            self._known[key] = self._nested(node, value)
        return self._known[key]

    def _nested(self, node: Record | Array | MapOf, value: Any) -> bool:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooComplex(f"Defaults lead to defaults over more than {_DEEPEST} levels.")
        try:
            if isinstance(node, Array):
                return isinstance(value, list) and all(self.fits(node.items, v) for v in value)
            if not isinstance(value, dict):
                return False
            if isinstance(node, MapOf):
                return all(self.fits(node.values, entry) for entry in value.values())
            return all(self._member(field, value) for field in node.fields)
        finally:
            self._depth -= 1

    def _member(self, field: Field, value: dict[str, Any]) -> bool:
        entry = value.get(field.name, field.default)
        return entry is not MISSING and self.fits(field.type, entry)


def simple_fits(kind: str, value: Any) -> bool:
    """Whether a JSON value stands for a value without parts."""
    if kind in {"string", "bytes", "enum", "fixed"}:
        return isinstance(value, str)
    if kind == "null":
        return value is None
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if bound := _RANGES.get(kind):
        return isinstance(value, int) and -bound <= value < bound
    return isinstance(value, int | float)
