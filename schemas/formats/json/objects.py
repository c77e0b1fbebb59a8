"""Objects: properties under open, partially open and closed content models.

Open takes any other property, closed none; partially open takes those that match a pattern or a
schema of additional properties. A property may be added where writers could not send it, and
removed where readers still take it.
"""

from __future__ import annotations

from schemas.formats.json.bounds import compare_bounds
from schemas.formats.json.document import token
from schemas.formats.json.judge import Judge, Label, Pair
from schemas.formats.json.kinds import difference
from schemas.formats.json.model import Kind, Node
from schemas.formats.json.patterns import matches
from schemas.formats.json.sameness import identical


class _Content:
    """An object's content model."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.properties = node.map("properties")
        self.patterns = node.children("patternProperties")
        self.required = set(_names(node.get("required")))
        self.permits = node.get("additionalProperties") is not False
        literal = node.get("additionalProperties") is True
        self.additional = (
            None if literal or not self.permits else node.child("additionalProperties")
        )
        self.unevaluated = node.child("unevaluatedProperties")

    def named(self, name: str) -> Node:
        return self.node.named("properties", name)

    @property
    def open(self) -> bool:
        unevaluated = self.unevaluated is None or self.unevaluated.kind is Kind.ANY
        return self.permits and not self.patterns and self.additional is None and unevaluated

    def covering(self, name: str, judge: Judge) -> Node | None:
        """The schema of a property that is not declared, when a pattern or a rest has one."""
        for pattern, node in self.patterns.items():
            judge.budget.spend()
            if matches(pattern, name):
                return node
        if self.additional is None and self.permits and not self.patterns:
            unevaluated = self.unevaluated
            if unevaluated is not None and unevaluated.kind not in (Kind.ANY, Kind.NOTHING):
                return unevaluated
        return self.additional


def compare_objects(judge: Judge, pair: Pair) -> None:
    writer, reader = _Content(pair.writer), _Content(pair.reader)
    _compare_required(pair, writer, reader)
    same_draft = pair.writer.draft is pair.reader.draft
    for name, value in writer.properties.items():
        if name not in reader.properties:
            _removed(judge, pair, name, writer, reader)
        elif not (same_draft and identical(value, reader.properties[name])):
            pair.needs.append(judge.pair(writer.named(name), reader.named(name)))
    for name in reader.properties:
        if name not in writer.properties:
            _added(judge, pair, name, writer, reader)
    _compare_patterns(judge, pair, writer, reader)
    _compare_additional(judge, pair, writer, reader)
    compare_rest(judge, pair, "unevaluatedProperties", "UNEVALUATED_PROPERTIES")
    _compare_dependencies(judge, pair)
    compare_optional(judge, pair, "propertyNames", "PROPERTY_NAMES")
    compare_bounds(pair, "maxProperties", "minProperties")


def _names(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _report(pair: Pair, kind: str, rest: str, writer_rest: str, name: str) -> None:
    pair.differences.append(
        difference(kind, pair.reader.at + rest, pair.writer.at + writer_rest, name=name)
    )


def _has_default(schema: object) -> bool:
    return isinstance(schema, dict) and "default" in schema


def _compare_required(pair: Pair, writer: _Content, reader: _Content) -> None:
    for name in reader.required - writer.required:
        declared = name in reader.properties
        if declared and name not in writer.properties:
            continue  # the rules of added properties speak of it
        with_default = _has_default(reader.properties.get(name))
        kind = "REQUIRED_ATTRIBUTE" + ("_WITH_DEFAULT_ADDED" if with_default else "_ADDED")
        rest = f"/properties/{token(name)}" if declared else ""
        _report(pair, kind, "/required", rest, name)
    for name in writer.required - reader.required:
        if name in reader.properties and name in writer.properties:
            rest = f"/properties/{token(name)}"
            _report(pair, "REQUIRED_ATTRIBUTE_REMOVED", rest, "/required", name)


def _removed(judge: Judge, pair: Pair, name: str, writer: _Content, reader: _Content) -> None:
    node, writer_rest = writer.named(name), f"/properties/{token(name)}"
    rest = "/properties" if reader.properties else ""
    if reader.open:
        _report(pair, "PROPERTY_REMOVED_FROM_OPEN_CONTENT_MODEL", rest, writer_rest, name)
        return
    covering = reader.covering(name, judge)
    if covering is not None:
        _cover(pair, judge.pair(node, covering), "REMOVED", (rest, writer_rest, name))
    elif node.kind is Kind.NOTHING:
        kind = "PROPERTY_WITH_FALSE_REMOVED_FROM_CLOSED_CONTENT_MODEL"
        _report(pair, kind, rest, writer_rest, name)
    else:
        _report(pair, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", rest, writer_rest, name)


def _added(judge: Judge, pair: Pair, name: str, writer: _Content, reader: _Content) -> None:
    node, rest = reader.named(name), f"/properties/{token(name)}"
    writer_rest = "/properties" if writer.properties else ""
    if writer.open and node.kind is Kind.ANY:
        kind = "PROPERTY_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN_CONTENT_MODEL"
        _report(pair, kind, rest, writer_rest, name)
        return
    covering = None if writer.open else writer.covering(name, judge)
    if covering is not None:
        _cover(pair, judge.pair(covering, node), "ADDED", (rest, writer_rest, name))
    need = "OPTIONAL_PROPERTY"
    if name in reader.required:
        need = "REQUIRED_PROPERTY" + (
            "_WITH_DEFAULT" if _has_default(reader.properties[name]) else ""
        )
    model = "OPEN" if writer.open else "UNOPEN"
    _report(pair, f"{need}_ADDED_TO_{model}_CONTENT_MODEL", rest, writer_rest, name)


def _cover(pair: Pair, need: Pair, way: str, where: tuple[str, str, str]) -> None:
    """A property that a pattern or a rest speaks of on one side has to fit it."""
    rest, writer_rest, name = where
    pair.needs.append(need)
    is_covered, not_covered = (
        difference(
            f"PROPERTY_{way}_{covered}_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL",
            pair.reader.at + rest,
            pair.writer.at + writer_rest,
            name=name,
        )
        for covered in ("IS", "NOT")
    )
    pair.labels.append(Label(need, is_covered, not_covered))


def _compare_patterns(judge: Judge, pair: Pair, writer: _Content, reader: _Content) -> None:
    for pattern, node in writer.patterns.items():
        rest = f"/patternProperties/{token(pattern)}"
        if pattern in reader.patterns:
            pair.needs.append(judge.pair(node, reader.patterns[pattern]))
        else:
            _report(pair, "PATTERN_PROPERTY_REMOVED", "", rest, pattern)
    for pattern, node in reader.patterns.items():
        rest = f"/patternProperties/{token(pattern)}"
        if pattern in writer.patterns or node.kind is Kind.ANY:
            continue
        if writer.additional is not None:
            pair.needs.append(judge.pair(writer.additional, node))
        elif writer.permits:
            _report(pair, "PATTERN_PROPERTY_ADDED", rest, "", pattern)


def _compare_additional(judge: Judge, pair: Pair, writer: _Content, reader: _Content) -> None:
    keyword, old, new = "additionalProperties", writer.additional, reader.additional
    if writer.permits != reader.permits:
        way = "ADDED" if reader.permits else "REMOVED"
    elif old is not None and new is not None:
        pair.needs.append(judge.pair(old, new))
        return
    elif (old is None) == (new is None):
        return
    else:
        way = "NARROWED" if old is None else "EXTENDED"
    _report(pair, f"ADDITIONAL_PROPERTIES_{way}", f"/{keyword}", f"/{keyword}", keyword)


def compare_rest(judge: Judge, pair: Pair, keyword: str, prefix: str) -> None:
    """What stays unevaluated: open, closed, or of one schema, on either side."""
    writer, reader = pair.writer.child(keyword), pair.reader.child(keyword)
    if writer is None and reader is None:
        return
    old = Kind.ANY if writer is None else writer.kind
    new = Kind.ANY if reader is None else reader.kind
    if Kind.NOTHING in (old, new) and old is not new:
        way = "ADDED" if old is Kind.NOTHING else "REMOVED"
    elif Kind.ANY in (old, new):
        if old is new:
            return
        way = "NARROWED" if old is Kind.ANY else "EXTENDED"
    elif writer is not None and reader is not None:
        pair.needs.append(judge.pair(writer, reader))
        return
    else:
        return
    _report(pair, f"{prefix}_{way}", f"/{keyword}", f"/{keyword}", keyword)


def compare_optional(judge: Judge, pair: Pair, keyword: str, prefix: str) -> None:
    """A schema that one side may have alone: adding it narrows, removing it widens."""
    writer, reader = pair.writer.child(keyword), pair.reader.child(keyword)
    if writer is not None and reader is not None:
        pair.needs.append(judge.pair(writer, reader))
    elif reader is not None:
        _report(pair, f"{prefix}_ADDED", f"/{keyword}", "", keyword)
    elif writer is not None:
        _report(pair, f"{prefix}_REMOVED", "", f"/{keyword}", keyword)


def _compare_dependencies(judge: Judge, pair: Pair) -> None:
    for keyword in ("dependencies", "dependentRequired"):
        old = _arrays(pair.writer, keyword)
        for name, new in _arrays(pair.reader, keyword).items():
            kind = _dependency_change(old.pop(name, None), new)
            if kind:
                at = f"/{keyword}/{token(name)}"
                _dependency(pair, kind, at, name, ", ".join(sorted(new)))
        for name in old:
            at = f"/{keyword}/{token(name)}"
            _dependency(pair, "DEPENDENCY_ARRAY_REMOVED", at, name, "")
    for keyword in ("dependencies", "dependentSchemas"):
        writers, readers = pair.writer.children(keyword), pair.reader.children(keyword)
        for name in {**writers, **readers}:
            if name in writers and name in readers:
                pair.needs.append(judge.pair(writers[name], readers[name]))
            else:
                way = "ADDED" if name in readers else "REMOVED"
                at = f"/{keyword}/{token(name)}"
                _dependency(pair, f"DEPENDENCY_SCHEMA_{way}", at, name, "")


def _arrays(node: Node, keyword: str) -> dict[str, set[str]]:
    found = node.get(keyword)
    if not isinstance(found, dict):
        return {}
    return {name: set(_names(value)) for name, value in found.items() if isinstance(value, list)}


def _dependency_change(old: set[str] | None, new: set[str]) -> str:
    if old is None:
        return "DEPENDENCY_ARRAY_ADDED"
    if old == new:
        return ""
    if old < new:
        return "DEPENDENCY_ARRAY_EXTENDED"
    return "DEPENDENCY_ARRAY_NARROWED" if new < old else "DEPENDENCY_ARRAY_CHANGED"


def _dependency(pair: Pair, kind: str, at: str, name: str, new: str) -> None:
    reader_at, writer_at = pair.reader.at + at, pair.writer.at + at
    pair.differences.append(difference(kind, reader_at, writer_at, new=new, name=name))
