"""YAML from people, read within bounds into plain JSON values; and edited with comments kept.

Reading: PyYAML's C parser. Nothing but maps with text keys, lists, text, numbers, booleans and
null comes out: dates stay text, and base-60 numbers, which YAML 1.1 has, stay text as well.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import Any

import yaml as pyyaml
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from idp.common.errors import FieldError, Invalid

MAX_BYTES = 256_000
MAX_DEPTH = 20
MAX_NODES = 20_000

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null")
)


class _Loader(pyyaml.CSafeLoader):
    """The C loader, less the tags that have no JSON form; duplicate keys are errors."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node: pyyaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        pairs = node.value if isinstance(node, pyyaml.MappingNode) else []  # a tag can lie
        for key, _ in pairs:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.tag != "tag:yaml.org,2002:str":
                raise _problem(key.start_mark, "keys", "A key has to be text.", "Quote the key.")
            if key.value in seen:
                raise _problem(
                    key.start_mark,
                    "duplicate",
                    f"The key “{key.value[:60]}” stands there twice.",
                    "Remove one of the two.",
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _resolver(tag: str, pattern: str, first: str, *, empty: bool = False) -> None:
    letters = [*first, ""] if empty else [*first]
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), letters)


_resolver("bool", r"\A(?:true|True|TRUE|false|False|FALSE|yes|no|on|off)\Z", "tTfFynoO")
_resolver("null", r"\A(?:~|null|Null|NULL|)\Z", "~nN", empty=True)
_resolver("int", r"\A[-+]?(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+|0o?[0-7]+)\Z", "-+0123456789")
_resolver(
    "float", r"\A[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?\Z", "-+0123456789."
)
_resolver("merge", r"\A<<\Z", "<")


def _construct_int(_loader: pyyaml.Loader, node: pyyaml.ScalarNode) -> int:
    text = str(node.value).replace("_", "")
    try:
        if re.fullmatch(r"[-+]?0[0-7]+", text):
            return int(text, 8)
        return int(text, 0)
    except ValueError as error:
        raise _problem(
            node.start_mark, "number", "This number is too long.", "Quote it."
        ) from error


def _construct_float(_loader: pyyaml.Loader, node: pyyaml.ScalarNode) -> float:
    try:
        number = float(str(node.value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _problem(node.start_mark, "number", "This number has no JSON form.", "Quote it.")
    return number


def _construct_bool(_loader: pyyaml.Loader, node: pyyaml.ScalarNode) -> bool:
    value = _Loader.bool_values.get(str(node.value).lower())
    if value is None:
        raise _problem(node.start_mark, "boolean", "This is neither true nor false.")
    return bool(value)


_Loader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def _problem(mark: Any, rule: str, message: str, fix: str = "") -> Invalid:
    """An `Invalid` that says in which line (counted from 1) and column it is."""
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "the file"
    text = f"{where[0].upper()}{where[1:]}: {message}"
    return Invalid(text, fix=fix, errors=[FieldError(where, rule, message, fix)])


class _Meter:
    """Counts nodes and depth of the event stream, aliases as often as they expand."""

    def __init__(self, max_depth: int, max_nodes: int) -> None:
        self.max_depth, self.max_nodes = max_depth, max_nodes
        self.nodes = 0
        self.open: list[tuple[str | None, int]] = []  # anchor and count at each open collection
        self.anchors: dict[str, tuple[int, int]] = {}  # nodes and height below each anchor
        self.heights: list[int] = []

    def add(self, event: Any) -> None:
        match event:
            case pyyaml.AliasEvent():
                self._alias(event)
            case pyyaml.MappingStartEvent() | pyyaml.SequenceStartEvent():
                self._tag(event)
                self.nodes += 1
                self.open.append((event.anchor, self.nodes - 1))
                self.heights.append(1)
            case pyyaml.MappingEndEvent() | pyyaml.SequenceEndEvent():
                anchor, before = self.open.pop()
                height = self.heights.pop()
                self._raise_height(height + 1)
                if anchor:
                    self.anchors[anchor] = (self.nodes - before, height)
            case pyyaml.ScalarEvent():
                self._scalar(event)
            case _:
                return
        self._judge(event.start_mark)

    def _raise_height(self, height: int) -> None:
        if self.heights:
            self.heights[-1] = max(self.heights[-1], height)

    def _tag(self, event: Any) -> None:
        if event.tag and event.tag not in _PLAIN_TAGS and event.tag != "!":
            raise _problem(
                event.start_mark, "tag", f"The tag “{event.tag[:60]}” is not allowed.", "Remove it."
            )

    def _scalar(self, event: Any) -> None:
        self._tag(event)
        self.nodes += 1
        if "\0" in event.value or any("\ud800" <= c <= "\udfff" for c in event.value):
            raise _problem(
                event.start_mark, "text", "The text has a character that is not allowed."
            )
        if event.anchor:
            self.anchors[event.anchor] = (1, 0)

    def _alias(self, event: Any) -> None:
        if any(anchor == event.anchor for anchor, _ in self.open):
            raise _problem(event.start_mark, "alias", "An alias stands inside its own anchor.")
        nodes, height = self.anchors.get(event.anchor, (1, 0))
        self.nodes += nodes
        self._raise_height(height + 1)

    def _judge(self, mark: Any) -> None:
        if self.nodes > self.max_nodes:
            raise _problem(
                mark, "size", f"There are more than {self.max_nodes} values, aliases expanded."
            )
        heights = [len(self.heights) - i + h - 1 for i, h in enumerate(reversed(self.heights), 1)]
        if len(self.open) > self.max_depth or any(h >= self.max_depth for h in heights):
            raise _problem(mark, "depth", f"It is nested more than {self.max_depth} deep.")


def _read(text: str | bytes, max_bytes: int) -> str:
    raw = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    if len(raw) > max_bytes:
        raise _problem(None, "size", f"It has {len(raw)} bytes; {max_bytes} are the most.")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _problem(None, "encoding", "It is not UTF-8.", "Save it as UTF-8.") from error


def load_all(
    text: str | bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> list[Any]:
    """The values of all documents; `Invalid` with line and column where a bound or rule breaks."""
    source = _read(text, max_bytes)
    meter = _Meter(max_depth, max_nodes)
    try:
        for event in pyyaml.parse(source, Loader=pyyaml.CSafeLoader):
            meter.add(event)
        return list(pyyaml.load_all(source, Loader=_Loader))
    except pyyaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "a character is not allowed"
        raise _problem(mark, "syntax", f"It is not YAML: {reason}.") from error


def load(
    text: str | bytes,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_nodes: int = MAX_NODES,
) -> Any:
    """The value of the one document (None when empty); raises as `load_all` does."""
    found = load_all(text, max_bytes=max_bytes, max_depth=max_depth, max_nodes=max_nodes)
    if len(found) > 1:
        raise _problem(
            None,
            "documents",
            f"It holds {len(found)} documents where one is expected.",
            "Remove the “---” lines.",
        )
    return found[0] if found else None


class _Dumper(pyyaml.CSafeDumper):
    """Text of several lines as a literal block; no anchors; lists indented as people do."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> pyyaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)
# Text that either reading, ours or YAML 1.1's, would take for something else is quoted.
_Dumper.yaml_implicit_resolvers = {
    letter: [
        *pyyaml.CSafeDumper.yaml_implicit_resolvers.get(letter, []),
        *_Loader.yaml_implicit_resolvers.get(letter, []),
    ]
    for letter in {*pyyaml.CSafeDumper.yaml_implicit_resolvers, *_Loader.yaml_implicit_resolvers}
}


def dump(value: Any) -> str:
    """YAML text of JSON values, keys in the order given; `load` reads the same values back."""
    return pyyaml.dump(  # a safe dumper's child
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100
    )


def _quoted(value: Any) -> Any:
    """The value with texts in quotes that `load` would take for something else: `yes`, `on`."""
    if isinstance(value, dict):
        return {_quoted(key): _quoted(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_quoted(child) for child in value]
    if not isinstance(value, str):
        return value
    resolvers = _Dumper.yaml_implicit_resolvers.get(value[:1], [])
    plain = not any(pattern.match(value) for _, pattern in resolvers)
    return value if plain else DoubleQuotedScalarString(value)


class Edit:
    """A person's file, changed in places, with its comments, order and quotes kept."""

    def __init__(self, text: str) -> None:
        load(text)  # the bounds first
        self._yaml = YAML(typ="rt")
        self._yaml.preserve_quotes = True
        self._yaml.width = 4_096
        try:
            self.data: Any = self._yaml.load(text)
        except YAMLError as error:  # ruamel reads YAML 1.2, which differs in corners
            raise _problem(None, "syntax", f"It cannot be edited: {error}") from error

    def set(self, path: Sequence[str], value: Any) -> None:
        """Set the value below the keys of `path`; maps on the way are made where they lack."""
        if self.data is None:
            self.data = {}
        here = self.data
        for key in path[:-1]:
            if not isinstance(here.get(key), dict):
                here[key] = {}
            here = here[key]
        here[path[-1]] = _quoted(value)

    def remove(self, path: Sequence[str]) -> None:
        """Remove the key at the end of `path`; one that is not there is fine."""
        here = self.data
        for key in path[:-1]:
            here = here.get(key) if isinstance(here, dict) else None
        if isinstance(here, dict):
            here.pop(path[-1], None)

    def text(self) -> str:
        out = io.StringIO()
        self._yaml.dump(self.data, out)
        return out.getvalue()


def edit(text: str) -> Edit:
    """The file, ready to be changed in places; raises as `load` does."""
    return Edit(text)
