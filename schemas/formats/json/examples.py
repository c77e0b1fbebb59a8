"""A plausible document of a schema, for its page and for the snippets beside it.

It prefers what the schema says itself (`examples`, `default`, `const`, `enum`). Recursive types
end where they may: optional properties are left out once their schema is under way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from schemas.formats.json.bounds import bound
from schemas.formats.json.language import JsonSchema
from schemas.formats.json.model import Kind, Node
from schemas.formats.json.patterns import matches

MAX_VALUES = 500
MAX_LEVELS = 40  # of schemas inside each other, combinations and references counted
_OPTIONAL_LEVELS = 4  # levels that show optional properties
_LONGEST = 1_000  # characters of a string that a schema asks for
_MOST = 10  # elements of an array that a schema asks for
_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uri-reference": "/path",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
}
_WORDS = ("text", "abc", "ABC", "a1", "A1", "1", "123", "12345", "a", "A", "2026-01-31", "x@y.zz")


def example(parsed: JsonSchema) -> Any:
    """A document; valid wherever the schema's own hints and simple keywords say enough."""
    return _Maker().value(parsed.model.root, [])


class _Maker:
    def __init__(self) -> None:
        self._made = 0

    def value(self, node: Node, above: Sequence[Node]) -> Any:
        self._made += 1
        if len(above) >= MAX_LEVELS or self._made > MAX_VALUES:
            return None
        found = _hint(node)
        return found[0] if found else _MAKERS[node.kind](self, node, [*above, node])

    def combined(self, node: Node, above: Sequence[Node]) -> Any:
        subschemas = node.subschemas
        if node.criterion != "allOf":
            free = [each for each in subschemas if each not in above] or list(subschemas)
            telling = [each for each in free if each.kind is not Kind.NULL] or free
            return self.value(telling[0], above) if telling else None
        made: Any = None
        for each in subschemas:
            if each in above or each.kind in (Kind.NOT, Kind.CONDITION):
                continue
            value = self.value(each, above)
            if isinstance(made, dict) and isinstance(value, dict):
                made = {**made, **value}
            elif made is None:
                made = value
        return made

    def object(self, node: Node, above: Sequence[Node]) -> Any:
        required = node.get("required") if isinstance(node.get("required"), list) else []
        made: dict[str, Any] = {}
        for name in node.map("properties"):
            child = node.named("properties", name)
            if name in required or (len(above) <= _OPTIONAL_LEVELS and child not in above):
                if self._made > MAX_VALUES and name not in required:
                    continue
                if child.kind is not Kind.NOTHING:
                    made[name] = self.value(child, above)
        for name in required[:MAX_VALUES]:
            made.setdefault(name, "text")
        return made

    def array(self, node: Node, above: Sequence[Node]) -> Any:
        made = [self.value(each, above) for each in node.items(node.draft.tuple_keyword)[:_MOST]]
        rest = node.child("items") or node.child("additionalItems") or node.child("contains")
        least, most = node.get("minItems") or 0, node.get("maxItems")
        wanted = max(min(least, _MOST), 0 if made else 1)
        if most is not None:
            wanted = min(wanted, most)
        while len(made) < wanted:
            if rest is None:
                made.append("text")
            elif rest in above and len(made) >= least:
                break
            else:
                made.append(self.value(rest, above))
        return made


def _hint(node: Node) -> list[Any]:
    """The value that a schema names itself, if it does."""
    schema = node.place.value
    if not isinstance(schema, dict):
        return []
    given = schema.get("examples")
    if isinstance(given, list) and given:
        return [given[0]]
    for keyword in ("default", "const"):
        if keyword in schema:
            return [schema[keyword]]
    options = schema.get("enum")
    return [options[0]] if isinstance(options, list) and options else []


def _string(_maker: _Maker, node: Node, _above: Sequence[Node]) -> str:
    text = _FORMATS.get(str(node.get("format")), "")
    if not text and node.get("pattern"):
        text = next((word for word in _WORDS if matches(str(node.get("pattern")), word)), "")
    text = text or "text"
    least = min(node.get("minLength") or 0, _LONGEST)
    text += "x" * (least - len(text))
    most = node.get("maxLength")
    return text if most is None else text[: int(most)]


def _number(_maker: _Maker, node: Node, _above: Sequence[Node]) -> Any:
    low = bound(node, "minimum")
    above_low, high = bound(node, "exclusiveMinimum"), bound(node, "maximum")
    below_high, step = bound(node, "exclusiveMaximum"), node.get("multipleOf")
    value = low if low is not None else 1
    if above_low is not None and above_low >= value:
        value = above_low + 1
    if high is not None and value > high:
        value = high
    if below_high is not None and value >= below_high:
        value = below_high - 1
    if step:
        value = -(-value // step) * step
    return int(value) if node.type == "integer" else value


def _constant(value: Any) -> Callable[[_Maker, Node, Sequence[Node]], Any]:
    return lambda _maker, _node, _above: value


_MAKERS: dict[Kind, Callable[[_Maker, Node, Sequence[Node]], Any]] = {
    Kind.ANY: _constant("text"),
    Kind.NOTHING: _constant(None),
    Kind.BOOLEAN: _constant(True),
    Kind.NULL: _constant(None),
    Kind.NOT: _constant("text"),
    Kind.CONDITION: _constant("text"),
    Kind.ENUM: _constant(None),
    Kind.CONST: _constant(None),
    Kind.STRING: _string,
    Kind.NUMBER: _number,
    Kind.ARRAY: _Maker.array,
    Kind.OBJECT: _Maker.object,
    Kind.COMBINED: _Maker.combined,
}
