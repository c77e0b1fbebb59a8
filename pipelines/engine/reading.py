"""Reads a CI file: YAML events of libyaml become plain values that know the line they came from.

Aliases share their anchor's value and count as often as they stand, so an alias bomb is refused
by size before anything is expanded. Scalars follow YAML 1.1, which GitLab's parser reads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from pipelines.engine.problems import ConfigError, Problem, Where, error, short, warning
from pipelines.engine.source import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    Document,
    Items,
    Map,
    Reference,
)
from pipelines.engine.sources import Oversize

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_,]*|0x[0-9a-fA-F_]+|0b[01_]+)")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*)?\.?[0-9]+(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+\.")
_WORDS: dict[str, bool | None] = {
    **{word: True for text in ("true", "yes", "on") for word in (text, text.title(), text.upper())},
    **{
        word: False
        for text in ("false", "no", "off")
        for word in (text, text.title(), text.upper())
    },
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
_PLAIN_TAGS = _TEXT_TAGS | {
    f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "int", "bool", "null", "float")
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_MAX_DIGITS = 40
_HEADER_END = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_BLOCK = re.compile(r"\$\[\[[ \t]*(.*?)[ \t]*\]\]")


class _Builder:
    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.events = yaml.parse(text, Loader=yaml.CSafeLoader)
        self.nodes = 0
        self.anchors: dict[str, tuple[Any, int, int]] = {}  # value, nodes and height
        self.warnings: list[Problem] = []

    def where(self, event: Any) -> Where:
        return Where(self.file, event.start_mark.line + 1)

    def documents(self) -> Iterator[Any]:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                yield self.node(next(self.events), 0)[0]

    def node(self, event: Any, depth: int) -> tuple[Any, int]:
        """The value that begins with this event, and how many levels lie below it."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = self.nodes
        self._count(event, 1, depth)
        if isinstance(event, yaml.ScalarEvent):
            value, height = self._scalar(event), 0
        elif isinstance(event, yaml.MappingStartEvent):
            value, height = self._mapping(event, depth)
        else:
            value, height = self._sequence(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = (value, self.nodes - before, height)
        return value, height

    def _count(self, event: Any, nodes: int, depth: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            message = f"It holds more than {MAX_NODES} values, aliases expanded."
            raise error(self.where(event), "size", message, "Split it, or use fewer aliases.")
        if depth > MAX_DEPTH:
            raise error(self.where(event), "depth", f"It is nested more than {MAX_DEPTH} deep.")

    def _alias(self, event: Any, depth: int) -> tuple[Any, int]:
        if event.anchor not in self.anchors:
            message = f"There is no anchor “{short(event.anchor)}” before this alias."
            raise error(self.where(event), "alias", message, "Anchors hold in one file only.")
        value, nodes, height = self.anchors[event.anchor]
        self._count(event, nodes, depth + height)
        return value, height

    def _mapping(self, event: Any, depth: int) -> tuple[Map, int]:
        self._plain(event)
        found, height, bases = Map(self.where(event)), 0, list[Map]()
        while not isinstance(key_event := next(self.events), yaml.MappingEndEvent):
            where, key = self.where(key_event), self._key(key_event)
            value, below = self.node(next(self.events), depth + 1)
            height = max(height, below + 1)
            if key == "<<" and getattr(key_event, "implicit", (False,))[0]:
                bases.extend(_merged(value, where))
                continue
            if key in found:
                first = found.at(key).line
                message = (
                    f"The key “{short(key)}” stands there twice (first in line {first}); "
                    "the last one counts."
                )
                self.warnings.append(warning(where, "duplicate-key", message, "Remove one."))
            found.put(key, value, where)
        for base in bases:  # the first one wins, and own keys before all
            for key in base:
                if key not in found:
                    found.put(key, base[key], base.at(key))
        return found, height

    def _key(self, event: Any) -> str:
        if isinstance(event, yaml.AliasEvent):
            value, _ = self._alias(event, 0)
        elif isinstance(event, yaml.ScalarEvent):
            self._count(event, 1, 0)
            value = event.value
            if event.anchor:
                self.anchors[event.anchor] = (value, 1, 0)
        else:
            value = None
        if not isinstance(value, str):
            raise error(self.where(event), "key", "A key has to be text.", "Write a name.")
        return value

    def _sequence(self, event: Any, depth: int) -> tuple[Any, int]:
        where, height = self.where(event), 0
        found = Items(where)
        while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
            value, below = self.node(item, depth + 1)
            height = max(height, below + 1)
            found.put(value, self.where(item))
        if event.tag != "!reference":
            self._plain(event)
            return found, height
        if not found or not all(isinstance(part, str) for part in found):
            fix = "Write !reference [job, keyword]."
            raise error(where, "reference", "!reference takes a list of names.", fix)
        return Reference(tuple(found), where), height

    def _plain(self, event: Any) -> None:
        if event.tag and event.tag not in _PLAIN_TAGS:
            message = f"The tag “{short(event.tag)}” is not known."
            raise error(self.where(event), "tag", message, "Only !reference may be used.")

    def _scalar(self, event: Any) -> Any:
        self._plain(event)
        text: str = event.value
        if not event.implicit[0]:  # quoted, or tagged as text
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in _NUMBER_STARTS and len(text) <= _MAX_DIGITS:
            return _number(text)
        return text


def _number(text: str) -> int | float | str:
    bare = text.replace("_", "").replace(",", "")
    if _OCTAL.fullmatch(text):
        return int(bare, 8)
    if _INT.fullmatch(text):
        return int(bare, 0)
    if _FLOAT.fullmatch(text) and bare == text and math.isfinite(number := float(bare)):
        return number
    return text


def _merged(value: Any, where: Where) -> list[Map]:
    bases = value if isinstance(value, Items) else [value]
    if not all(isinstance(base, Map) for base in bases):
        raise error(
            where, "merge-key", "“<<” takes a map or a list of maps.", "Use an alias of a map."
        )
    return list(bases)


_SMALLER = "Split it into files that it includes; what jobs read belongs into files of its own."


def _decoded(data: bytes | str, file: str) -> str:
    raw = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    size = raw.size if isinstance(raw, Oversize) else len(raw)
    if size > MAX_BYTES:
        message = f"It is too large: {size:,} bytes; {MAX_BYTES:,} are the most."
        raise error(Where(file), "size", message, _SMALLER)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise error(Where(file), "encoding", "It is not UTF-8.", "Save it as UTF-8.") from None


def read(data: bytes | str, file: str) -> Document:
    """The configuration in a file; `ConfigError` with file and line for what cannot be read."""
    text, blocks = _numbered(_decoded(data, file))
    builder = _Builder(text, file)
    try:
        found = list(builder.documents())
    except yaml.YAMLError as fault:
        raise _syntax(fault, file) from None
    value, header = (found[-1] if found else None), None
    if len(found) > 1 and isinstance(found[0], Map) and "spec" in found[0]:
        header, *found = found
    if len(found) > 1:
        raise error(Where(file), "documents", f"It holds {len(found)} YAML documents.", "Keep one.")
    if not isinstance(value, Map):
        raise error(
            Where(file, 1), "form", "A CI file is a map of keywords and jobs.", "Write a job."
        )
    if header is None and "spec" in value:
        message = "spec stands in a header of its own."
        raise error(value.at("spec"), "spec", message, "Write a line --- between it and the jobs.")
    return Document(value, tuple(builder.warnings), header, blocks)


def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with the blocks behind a header as numbers, and what stood in them."""
    end = _HEADER_END.search(text, 1) if "$[[" in text else None
    if end is None or not re.search(r"^spec[ \t]*:", text[: end.start()], re.MULTILINE):
        return text, ()
    blocks: list[str] = []

    def number(found: re.Match[str]) -> str:
        blocks.append(found[1])
        return f"\ue000{len(blocks) - 1}\ue001"

    return text[: end.end()] + _BLOCK.sub(number, text[end.end() :]), tuple(blocks)


def _syntax(fault: yaml.YAMLError, file: str) -> ConfigError:
    mark = getattr(fault, "problem_mark", None)
    reason = getattr(fault, "problem", None) or "a character is not allowed"
    where = Where(file, mark.line + 1 if mark else 0)
    return error(
        where, "syntax", f"It is not YAML: {reason}.", "Look at the indentation and quotes."
    )
