"""What a CI file holds, once read: plain values that know the line they came from.

The reader itself, `reading`, is loaded with its YAML library when a file is first read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pipelines.engine.problems import Problem, Where

MAX_BYTES = 2_000_000
MAX_DEPTH = 100
MAX_NODES = 400_000
# A block $[[ … ]] as a letter of its own, so that YAML takes it for text wherever it stands.
BLOCK = re.compile("\ue000(\\d+)\ue001")


class Map(dict[str, Any]):
    """A mapping with the place of itself and of each key. Never changed once it is read."""

    __slots__ = ("lines", "where")

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.lines: dict[str, Where] = {}

    def put(self, key: str, value: Any, where: Where) -> None:
        self[key] = value
        self.lines[key] = where

    def at(self, key: str) -> Where:
        """Where the key stands; the map's own place when it has none."""
        return self.lines.get(key, self.where)

    def copy(self) -> Map:
        new = Map(self.where)
        new.update(self)
        new.lines.update(self.lines)
        return new


class Items(list[Any]):
    """A list with the place of itself and of each item."""

    __slots__ = ("lines", "where")

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where = where
        self.lines: list[Where] = []

    def put(self, value: Any, where: Where) -> None:
        self.append(value)
        self.lines.append(where)

    def copy(self) -> Items:
        new = Items(self.where)
        new.extend(self)
        new.lines.extend(self.lines)
        return new

    def pairs(self) -> Iterator[tuple[Any, Where]]:
        return zip(self, self.lines, strict=True)


def flattened(items: Items) -> Items:
    """One list of all that lists in the list hold, as !reference and aliases bring them."""
    flat = Items(items.where)
    for value, where in items.pairs():
        if isinstance(value, Items):
            for inner, place in flattened(value).pairs():
                flat.put(inner, place)
        else:
            flat.put(value, where)
    return flat


@dataclass(frozen=True, slots=True)
class Reference:
    """`!reference [job, keyword, …]`, before it is resolved."""

    path: tuple[str, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Document:
    value: Map
    warnings: tuple[Problem, ...] = ()
    header: Map | None = None  # with `spec`, before a line ---
    blocks: tuple[str, ...] = ()  # what stood in $[[ … ]] behind the header, by number


def read(data: bytes | str, file: str) -> Document:
    """The configuration in a file; `ConfigError` with file and line for what cannot be read."""
    document: Document = import_module("pipelines.engine.reading").read(data, file)
    return document
