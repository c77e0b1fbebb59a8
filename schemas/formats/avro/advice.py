"""Sentences of advice: who is hurt by a difference and what to do, for either direction.

"Consumers" are those who read with the one schema, "records" what was written with the other;
callers add which versions these are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SHOWN: Final = 3  # of several names


def some(names: Iterable[str]) -> str:
    """The first of several names."""
    known = list(names)
    shown = ", ".join(f"`{name}`" for name in known[:_SHOWN])
    return f"{shown} and {len(known) - _SHOWN} more" if len(known) > _SHOWN else shown


def place(path: tuple[str, ...]) -> str:
    """How people call what stands at the end of a path of fields."""
    return f"`{'.'.join(path).replace('.[]', '[]').replace('.{}', '{}')}`" if path else "the value"


def missing_default(path: tuple[str, ...]) -> str:
    return (
        f"Consumers cannot read records written without {place(path)}: give it a default, "
        "or name the old field in its `aliases` if it was renamed."
    )


def type_mismatch(path: tuple[str, ...], reader: str, writer: str) -> str:
    return (
        f"Consumers that expect {reader} cannot read {place(path)} written as {writer}: "
        "keep the type, or add a field of the new type with a default beside it."
    )


def missing_branch(path: tuple[str, ...], writer: str) -> str:
    return (
        f"Consumers cannot read {place(path)} when it holds {writer}: keep that branch in the "
        "union until nobody writes it and no such record is left."
    )


def missing_symbols(path: tuple[str, ...], symbols: Iterable[str]) -> str:
    return (
        f"Consumers cannot read {place(path)} when it holds {some(symbols)}: keep the symbols, "
        "or give the enum a `default` to read them as."
    )


def name_mismatch(kind: str, reader: str, writer: str) -> str:
    return (
        f"Consumers that know the {kind} as {reader} do not accept one written as {writer}: "
        f"keep the name, or list {writer} in its `aliases`."
    )


def fixed_size(name: str, reader: int, writer: int) -> str:
    return (
        f"Consumers read {reader} bytes where {writer} were written: keep the size of {name}, "
        "or use a new name in a new field with a default."
    )


def ambiguous(path: tuple[str, ...], fields: Iterable[str]) -> str:
    return (
        f"Consumers find more than one written field for {place(path)} ({some(fields)}): "
        "remove the aliases that are written as fields of their own."
    )


def read_twice(path: tuple[str, ...]) -> str:
    return (
        f"Consumers fill one field alone from {place(path)} although another names it, too: most "
        "clients give the other's default or fail, so remove the alias."
    )


def defaulted_symbols(symbols: Iterable[str], default: str | None) -> str:
    return f"Consumers read {some(symbols)} as `{default}`: make sure that this is meant."


def decimal_changed(path: tuple[str, ...], reader: str, writer: str) -> str:
    return (
        f"Consumers read {place(path)} written as {writer} as {reader} and get other amounts or "
        "errors: keep precision and scale, or add a new field with a default."
    )


def logical_changed(path: tuple[str, ...], reader: str, writer: str) -> str:
    return (
        f"Consumers take {place(path)} written as {writer} for {reader} although the bytes are the "
        "same: add a new field with a default if the meaning changed."
    )


def imprecise(path: tuple[str, ...], writer: str, reader: str) -> str:
    return (
        f"Consumers lose digits of {place(path)} where a {writer} is too large for a {reader}: "
        f"keep {writer} if exact numbers matter."
    )
