"""JSON values against a schema: the data check of pages and API.

The encoding is the specification's "JSON Encoding", but that unions may be plain as well as
tagged with their branch, and that fields with a default may be left out, as producers do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from idp.common.errors import FieldError
from schemas.formats.avro.advice import some
from schemas.formats.avro.defaults import simple_fits
from schemas.formats.avro.model import (
    Array,
    Enum,
    Fixed,
    MapOf,
    Record,
    Type,
    Union,
    described,
    label,
)
from schemas.formats.avro.text import compact
from schemas.formats.base import MAX_DEPTH, Budget, TooComplex

MAX_ERRORS: Final = 100
_SHOWN: Final = 40  # characters of a wrong value
_SPECIAL: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_WIDE: Final = re.compile("[^\x00-\xff]")

Errors = tuple[FieldError, ...]  # pointers relative to the value that was judged


@dataclass(slots=True)
class RecordChecker:
    """Judges each pair of type and container once, so that unions in unions stay linear."""

    budget: Budget
    known: dict[tuple[int, int], Errors]
    depth: int = 0

    def check(self, node: Type, value: Any) -> Errors:
        self.budget.spend()
        if isinstance(node, Union):
            return self._once(node, value)
        if not isinstance(node, Record | Array | MapOf):
            return _simple(node, value)
        if not isinstance(value, list if isinstance(node, Array) else dict):
            return _wrong(node, value)
        return self._once(node, value)

    def _once(self, node: Record | Array | MapOf | Union, value: Any) -> Errors:
        """The judgement of containers is kept: two unions may ask for the same."""
        key = (id(node), id(value))
        if key in self.known:
            return self.known[key]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooComplex(f"The record is nested deeper than {MAX_DEPTH} levels and unions.")
        if isinstance(node, Union):
            found = self._union(node, value)
        elif isinstance(node, Record):
            found = self._record(node, value)
        else:
            found = self._entries(node, value)
        self.depth -= 1
        if isinstance(value, dict | list):
            self.known[key] = found
        return found

    def _entries(self, node: Array | MapOf, value: Any) -> Errors:
        found: list[FieldError] = []
        inner = node.items if isinstance(node, Array) else node.values
        entries = value.items() if isinstance(value, dict) else enumerate(value)
        for step, entry in entries:
            found += below(str(step), self.check(inner, entry))
            if len(found) >= MAX_ERRORS:
                break
        return tuple(found[:MAX_ERRORS])

    def _record(self, node: Record, value: dict[str, Any]) -> Errors:
        found: list[FieldError] = []
        for field in node.fields:
            if field.name in value:
                found += below(field.name, self.check(field.type, value[field.name]))
            elif not field.has_default:
                fix = f"Give a value of {described(field.type)}."
                found.append(FieldError("", "required", f"`{field.name}` is missing", fix))
            if len(found) >= MAX_ERRORS:
                break
        for name in value:
            if name not in node.positions and len(found) < MAX_ERRORS:
                text = f"{described(node)} has no field `{name[:_SHOWN]}`"
                found += below(name, (FieldError("", "unknown_field", text),))
        return tuple(found[:MAX_ERRORS])

    def _union(self, node: Union, value: Any) -> Errors:
        """A tagged value belongs to its branch unless it is a plain value of another one."""
        best: Errors | None = None
        if isinstance(value, dict) and len(value) == 1:
            [(tag, inner)] = value.items()
            if tag in node.tags:
                best = tuple(below(tag, self.check(node.branches[node.tags[tag]], inner)))
                if not best:
                    return ()
        for branch in node.branches:
            errors = self.check(branch, value)
            if not errors:
                return ()
            of_kind = errors[0].field or errors[0].rule != "type"
            if of_kind and (best is None or len(errors) < len(best)):
                best = errors
        return best or _wrong(node, value)


def check_record(root: Type, value: Any) -> list[FieldError]:
    """What is wrong with a value, at most a hundred errors; raises `TooComplex`.

    A field of an error is the RFC 6901 pointer into the value.
    """
    checker = RecordChecker(Budget(), {})
    return [replace(error, field=error.field or "/") for error in checker.check(root, value)]


def below(step: str, errors: Errors) -> list[FieldError]:
    """The errors with one more step before their pointers."""
    token = step.replace("~", "~0").replace("/", "~1")
    return [replace(error, field=f"/{token}{error.field}") for error in errors]


def _simple(node: Type, value: Any) -> Errors:
    if isinstance(value, str) and node.kind in {"float", "double"} and value in _SPECIAL:
        return ()
    if not simple_fits(node.kind, value):
        return _wrong(node, value)
    if isinstance(node, Enum) and value not in node.known:
        text = f"“{value[:_SHOWN]}” is no symbol of {label(node)}"
        return (FieldError("", "symbol", text, f"Its symbols: {some(node.symbols)}."),)
    if node.kind in {"bytes", "fixed"} and _WIDE.search(value):
        text = "a character stands for more than one byte"
        return (FieldError("", "bytes", text, "Write each byte as a character up to \\u00ff."),)
    if isinstance(node, Fixed) and len(value) != node.size:
        text = f"{len(value)} bytes where {label(node)} has {node.size}"
        return (FieldError("", "size", text),)
    return ()


def _wrong(node: Type, value: Any) -> Errors:
    if isinstance(value, dict | list):
        shown = "an object" if isinstance(value, dict) else "a list"
    else:
        shown = compact(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return (FieldError("", "type", f"{shown} is no value of {described(node)}"),)
